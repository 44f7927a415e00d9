#!/usr/bin/env python3
"""Drives a command on a terminal of its own, as a user would. Standard library only.

  terminal.py [--out FILE] STEP... -- COMMAND...

Steps, one after the other, each within 20 seconds:
  expect:REGEX   waits until the output since the last expect matches
  send:TEXT      types TEXT (\\r, \\n, \\x03 … are understood)
  size:ROWSxCOLS changes the window
  signal:NAME    sends SIGNAME to the command
  stopped        waits until the command has been stopped
  wait:SECONDS   does nothing
  hangup         closes the terminal

All output goes to stdout (or --out). The exit status is the command's, 128+n after a signal; 99 when
a step timed out. On stderr: "terminal: restored" or "terminal: changed" (its modes after the end)."""
import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

LIMIT = 20.0


class Driver:
    def __init__(self, out):
        self.out = out
        self.seen = b""
        self.status = None

    def start(self, command):
        self.master, slave = pty.openpty()
        self.set_size(24, 80)
        self.former = termios.tcgetattr(slave)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            os.close(self.master)
            os.close(slave)
            os.execvp(command[0], command)
        self.slave = slave  # kept open, so that its modes can be asked for afterwards

    def set_size(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def read_some(self, timeout):
        ready, _, _ = select.select([self.master], [], [], timeout)
        if not ready:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += data
        self.out.write(data)
        self.out.flush()
        return bool(data)

    def reap(self, flags=os.WNOHANG):
        if self.status is None:
            pid, status = os.waitpid(self.pid, flags | os.WUNTRACED)
            if pid and not os.WIFSTOPPED(status):
                self.status = status
            return pid and os.WIFSTOPPED(status)
        return False

    def expect(self, regex):
        pattern = re.compile(regex.encode(), re.S)
        end = time.monotonic() + LIMIT
        while True:
            match = pattern.search(self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return
            if time.monotonic() > end:
                sys.stderr.write(f"timed out waiting for {regex!r}, seen: {self.seen!r}\n")
                self.give_up()
            self.read_some(0.1)

    def give_up(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
        sys.exit(99)

    def step(self, text):
        kind, _, rest = text.partition(":")
        if kind == "expect":
            self.expect(rest)
        elif kind == "send":
            os.write(self.master, codecs.decode(rest, "unicode_escape").encode("latin-1"))
        elif kind == "size":
            rows, cols = rest.split("x")
            self.set_size(int(rows), int(cols))
        elif kind == "signal":
            os.kill(self.pid, getattr(signal, "SIG" + rest))
        elif kind == "stopped":
            end = time.monotonic() + LIMIT
            while not self.reap():
                if time.monotonic() > end or self.status is not None:
                    sys.stderr.write("it was not stopped\n")
                    self.give_up()
                self.read_some(0.05)
        elif kind == "wait":
            end = time.monotonic() + float(rest)
            while time.monotonic() < end:
                self.read_some(0.02)
        elif kind == "modes":
            now = termios.tcgetattr(self.slave)
            sys.stderr.write("modes: %s\n" % ("cooked" if now[3] & termios.ICANON else "raw"))
        elif kind == "hangup":
            os.close(self.slave)
            os.close(self.master)
            self.master = -1
        else:
            sys.exit(f"unknown step {text}")

    def finish(self):
        end = time.monotonic() + LIMIT
        while self.status is None:
            self.reap()
            if self.master >= 0:
                self.read_some(0.05)
            else:
                time.sleep(0.05)
            if time.monotonic() > end:
                sys.stderr.write("the command does not end\n")
                self.give_up()
        if self.master >= 0:
            while self.read_some(0.1):
                pass
            same = termios.tcgetattr(self.slave) == self.former
            sys.stderr.write("terminal: %s\n" % ("restored" if same else "changed"))
        if os.WIFSIGNALED(self.status):
            return 128 + os.WTERMSIG(self.status)
        return os.WEXITSTATUS(self.status)


def main():
    words = sys.argv[1:]
    out = sys.stdout.buffer
    if words and words[0] == "--out":
        out = open(words[1], "wb")
        words = words[2:]
    at = words.index("--")
    driver = Driver(out)
    driver.start(words[at + 1:])
    for text in words[:at]:
        driver.step(text)
    sys.exit(driver.finish())


main()
