#!/usr/bin/env python3
"""Lets system calls of the program fail, one in each round, and looks at the store each time (F04).

  inject_faults.py PROGRAM IMAGE NAME PROFILE SECONDS

IMAGE is pulled and becomes NAME; PROFILE is a project of it. Each round lets one call of a pull, a run,
or an up and down, of whatever process, fail with an error that it may have. Then: the command has ended,
by itself, and a pull that failed has said why; the store is sound, the image absent or whole, no container
is left; and the same command succeeds. Prints one line; exits 1 at the first failure.
SANDBOX_TEST_SEED makes the same choices again."""
import collections
import os
import random
import re
import subprocess
import sys
import tempfile
import time

program, image, name, profile, seconds = *sys.argv[1:5], float(sys.argv[5])
seed = int(os.environ.get("SANDBOX_TEST_SEED", str(time.time_ns() % 1000000)))
random.seed(seed)

PATIENCE = 60
FULL = ["ENOSPC", "EDQUOT", "EIO"]
ERRORS = {
    "openat": ["EMFILE", "ENFILE", "EIO", "ENOMEM", "EINTR"], "openat2": ["EMFILE", "ENOMEM", "EINTR"],
    "mkdirat": FULL + ["ENOMEM"], "symlinkat": FULL, "linkat": FULL, "renameat2": FULL + ["ENOMEM"],
    "unlinkat": ["EIO", "ENOMEM"], "write": FULL + ["EINTR"], "pwrite64": FULL + ["EINTR"],
    "writev": FULL, "read": ["EIO", "EINTR"], "pread64": ["EIO", "EINTR"], "fsync": ["EIO", "EDQUOT"],
    "syncfs": ["EIO"], "newfstatat": ["EIO", "ENOMEM"], "fstat": ["EIO"], "getdents64": ["EIO"],
    "ftruncate": FULL, "flock": ["EINTR", "ENOLCK"], "fchmod": ["EIO"], "utimensat": ["EIO"],
    "clone": ["EAGAIN", "ENOMEM"], "clone3": ["EAGAIN", "ENOMEM"], "pipe2": ["EMFILE", "ENFILE"],
    "socketpair": ["EMFILE"], "socket": ["EMFILE", "ENOBUFS"], "mmap": ["ENOMEM"],
    "memfd_create": ["EMFILE", "ENOMEM"], "epoll_ctl": ["ENOMEM"], "epoll_create1": ["EMFILE"],
    "timerfd_create": ["EMFILE"], "signalfd4": ["EMFILE"], "wait4": ["EINTR"], "poll": ["EINTR"],
    "epoll_wait": ["EINTR"], "sendmsg": ["ENOMEM", "EINTR"], "recvmsg": ["ENOMEM", "EINTR"],
    "fsopen": ["EMFILE", "ENOMEM"], "fsconfig": ["ENOMEM"], "fsmount": ["ENOMEM"],
    "move_mount": ["ENOMEM"], "open_tree": ["EMFILE", "ENOMEM"], "execve": ["ENOMEM", "EIO"],
}
COMMANDS = {
    "pull": [["pull", "-q", image]],
    "run": [["run", "--rm", "--pull=never", name, "true"]],
    "project": [["up", "-d", "-f", profile], ["down", "-t", "0", "-f", profile]],
}


def fail(*words):
    sys.exit(f"seed {seed}: " + " ".join(map(str, words)))


def call(*words):
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=PATIENCE)
    if done.returncode != 0:
        fail(*words, "exit", done.returncode, done.stdout, done.stderr)
    return done.stdout


def prepare(command):
    call("rm", "-af")
    if command == "pull":
        call("system", "prune", "-af")
    else:
        call("pull", "-q", image)


def bring_down():
    """A network that was started for somebody who never came waits ten seconds for him."""
    deadline = time.monotonic() + PATIENCE
    while True:
        done = subprocess.run([program, "down", "-t", "0", "-f", profile], capture_output=True, text=True,
                              timeout=PATIENCE)
        if done.returncode == 0:
            break
        if time.monotonic() > deadline or "a container that starts" not in done.stderr:
            fail("cannot be brought down:", done.stderr)
    call("rm", "-af")


def child_of(pid):
    """The program that strace has started; not what strace makes to try out the kernel."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as children:
            for child in children.read().split():
                with open(f"/proc/{child}/cmdline") as words:
                    if words.read().startswith(program + "\0"):
                        return child
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def trace(words, options, told):
    """Answers the exit status. What stays behind `up` is traced, too, until it is brought down."""
    process = subprocess.Popen(["strace", "-f", "-qq", *options, program, *words],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=told)
    deadline = time.monotonic() + PATIENCE
    pid = None
    while process.poll() is None:
        pid = pid or child_of(process.pid)
        if pid and words[0] == "up" and not os.path.exists(f"/proc/{pid}"):
            bring_down()
            pid = None
            words = ["down"]
        if time.monotonic() > deadline:
            process.kill()
            fail(*words, "hangs with", *options)
        time.sleep(0.005)
    return process.returncode


def count_calls(command):
    """How often each call is made, by the processes of all the command's lines."""
    prepare(command)
    counts = collections.Counter()
    for words in COMMANDS[command]:
        with tempfile.NamedTemporaryFile("r") as table:
            trace(words, ["-c", "-U", "calls,name", "-o", table.name], subprocess.DEVNULL)
            for calls, call_name in re.findall(r"^\s*(\d+)\s+(\w+)$", table.read(), re.M):
                if call_name in ERRORS:
                    counts[(tuple(words), call_name)] += int(calls)
    return counts


def run_with_fault(words, call_name, error, number):
    what = f"{call_name}:error={error}:when={number}"
    with tempfile.TemporaryFile("w+") as told:
        code = trace(words, ["-e", f"trace={call_name}", "-e", f"inject={what}", "-o", os.devnull], told)
        told.seek(0)
        text = told.read()
    if code < 0 or code in (132, 134, 135, 136, 139):
        fail(*words, "died with", what, "exit", code, text)
    # An error on standard error is among the writes that fail.
    if code != 0 and words[0] == "pull" and call_name != "write" and "sandbox: " not in text:
        fail(*words, "said nothing with", what, "exit", code)
    return what, code


def look(command, what):
    try:
        if command == "run":
            assert call("ps", "-aq") == "", "a container is left"
        call("system", "check")
        if command == "pull" and call("images", "-q"):
            call("run", "--rm", "--pull=never", name, "true")
        for words in COMMANDS[command]:
            call(*words)
    except (AssertionError, SystemExit) as error:
        fail("after", command, "with", what, error)


def main():
    deadline = time.monotonic() + seconds
    points = {command: count_calls(command) for command in COMMANDS}
    rounds = failed = 0
    while time.monotonic() < deadline:
        command = random.choice(list(COMMANDS))
        words, call_name = random.choice(sorted(points[command]))
        prepare(command)
        for before in COMMANDS[command]:
            if before == list(words):
                break
            call(*before)
        # Counted in each process for itself, so most of them do not come that far.
        number = 1 + int(points[command][(words, call_name)] * random.random() ** 3)
        what, code = run_with_fault(list(words), call_name, random.choice(ERRORS[call_name]), number)
        look(command, what)
        rounds += 1
        failed += code != 0
    print(f"seed {seed}: {rounds} calls failed, {failed} commands with them")
    if rounds == 0 or failed == 0:
        fail("nothing was tried")


main()
