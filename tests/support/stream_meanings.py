#!/usr/bin/env python3
"""stream_meanings.py HOST PORT: what a connection must carry besides bytes, against the server that
stream_meanings.py --serve HOST is (it prints its port). The first byte says what is wanted of it.
Prints what was wrong; exit status 1 then."""
import socket
import struct
import sys
import threading

AT_ONCE = struct.pack("ii", 1, 0)  # linger: close by a reset


def serve_one(client):
    with client:
        kind = client.recv(1)
        if kind == b"h":  # half-close: hear all, then answer
            total = 0
            while chunk := client.recv(65536):
                total += len(chunk)
            client.sendall(b"%d bytes" % total)
        elif kind == b"r":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        elif kind == b"u":
            client.sendall(b"before")
            client.send(b"!", socket.MSG_OOB)
            client.sendall(b"after")
        elif kind == b"e":  # only the end comes at once; what the client says then is heard
            client.shutdown(socket.SHUT_WR)
            heard = b""
            while chunk := client.recv(65536):
                heard += chunk
            results.append(heard)
        elif kind == b"q":
            client.settimeout(20)
            try:
                client.recv(1)
                results.append(b"end")
            except ConnectionResetError:
                results.append(b"reset")
            except OSError as error:
                results.append(repr(error).encode())
        elif kind == b"?":
            client.sendall(results.pop() if results else b"nothing yet")


results = []
if sys.argv[1] == "--serve":
    listener = socket.create_server((sys.argv[2], 0), backlog=64)
    print(listener.getsockname()[1], flush=True)
    while True:
        threading.Thread(target=serve_one, args=(listener.accept()[0],), daemon=True).start()


def open_as(kind):
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
    s.sendall(kind)
    return s


def read_all(s):
    heard = b""
    while chunk := s.recv(65536):
        heard += chunk
    return heard


def check(what, wanted, got):
    global wrong
    if got != wanted:
        print(f"{what}: wanted {wanted!r}, got {got!r}")
        wrong = True


def last_result():
    for _ in range(200):
        with open_as(b"?") as s:
            if (got := read_all(s)) != b"nothing yet":
                return got
        threading.Event().wait(0.02)
    return b"nothing yet"


wrong = False
with open_as(b"h") as s:
    s.sendall(b"x" * 3_000_000)
    s.shutdown(socket.SHUT_WR)
    check("half-close", b"3000000 bytes", read_all(s))
with open_as(b"e") as s:
    check("the other side's half-close", b"", read_all(s))
    s.sendall(b"still heard")
check("after it", b"still heard", last_result())
with open_as(b"r") as s:
    try:
        check("reset from outside", "a reset", s.recv(1))
    except ConnectionResetError:
        pass
s = open_as(b"q")
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
s.close()
check("reset from inside", b"reset", last_result())
s = open_as(b"q")
s.close()
check("end from inside", b"end", last_result())
with open_as(b"u") as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 0)
    heard, urgent = b"", b""
    while len(heard) < len(b"before"):
        heard += s.recv(len(b"before") - len(heard))
    for _ in range(500):
        try:
            urgent = s.recv(1, socket.MSG_OOB)
            break
        except OSError:
            threading.Event().wait(0.01)
    check("urgent byte", b"!", urgent)
    check("the bytes around it", b"beforeafter", heard + read_all(s))
with open_as(b"h") as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 1)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 1)
    threading.Event().wait(2)
    s.shutdown(socket.SHUT_WR)
    check("kept alive by probes", b"0 bytes", read_all(s))
sys.exit(wrong)
