#!/usr/bin/env python3
"""connect_meanings.py [ADDRESS PORT ERRNO_NAME]...: what connect() to each says, blocking and
non-blocking, against what it should say. "ok" for a connection, "silence" for no answer in time. All
at once. Prints what differs; exit status 1 then."""
import concurrent.futures
import errno
import select
import socket
import struct
import sys
import time

# An ICMP message that comes back while connect(2) still holds its socket counts only when the SYN is
# repeated, after a second; so it is with neighbours on the same machine.
SILENCE_S = 2.6


def name_of(number):
    return "ok" if number == 0 else errno.errorcode[number]


def connect_blocking(target, family):
    with socket.socket(family) as s:
        # SO_SNDTIMEO bounds connect(2), which stays a blocking call: socket(7).
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                     struct.pack("ll", int(SILENCE_S), int(SILENCE_S % 1 * 1e6)))
        try:
            s.connect(target)
            return "ok"
        except OSError as error:
            late = error.errno in (errno.EINPROGRESS, errno.EAGAIN)
            return "silence" if late else name_of(error.errno)


def connect_later(target, family):
    with socket.socket(family) as s:
        s.setblocking(False)
        rc = s.connect_ex(target)
        if rc != errno.EINPROGRESS:
            return name_of(rc)
        poll = select.poll()
        poll.register(s, select.POLLOUT)
        events = poll.poll(SILENCE_S * 1000)
        if not events:
            return "silence"
        # Once in some 50,000 times the kernel shows POLLERR, and tells which error a moment later.
        deadline = time.monotonic() + 1
        while True:
            error = s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if error or not events[0][1] & select.POLLERR or time.monotonic() > deadline:
                return name_of(error)
            time.sleep(0.001)


wrong = False
tried = []
with concurrent.futures.ThreadPoolExecutor(64) as pool:
    for address, port, wanted in zip(*[iter(sys.argv[1:])] * 3):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        for how in (connect_blocking, connect_later):
            tried.append((how.__name__, address, port, wanted,
                          pool.submit(how, (address, int(port)), family)))
for how, address, port, wanted, got in tried:
    if got.result() != wanted:
        print(f"{how} to {address} {port}: wanted {wanted}, got {got.result()}")
        wrong = True
sys.exit(wrong)
