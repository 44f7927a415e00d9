#!/usr/bin/env python3
"""tell_address.py [ADDRESS:]PORT[-PORT][/udp]...: tells each client "PORT CLIENT", over TCP before it
closes, over UDP as an answer. Prints "ready" when it listens everywhere.
tell_address.py --ask HOST PORT[/udp]: what is told there."""
import selectors
import socket
import sys


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def ask(host, word):
    port, _, udp = word.partition("/")
    with socket.socket(family_of(host), socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as s:
        s.settimeout(10)
        s.connect((host, int(port)))
        if udp:
            s.send(b"?")
        return s.recv(200).decode()


def bind(address, port, udp):
    s = socket.socket(family_of(address), socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
    if address == "::":
        s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, port))
    if not udp:
        s.listen(4096)
    waits.register(s, selectors.EVENT_READ)


def text_of(s, peer):
    return f"{s.getsockname()[1]} {peer[0].removeprefix('::ffff:')}".encode()


if sys.argv[1] == "--ask":
    print(ask(sys.argv[2], sys.argv[3]))
    sys.exit()
waits = selectors.DefaultSelector()
for word in sys.argv[1:]:
    numbers, _, kind = word.partition("/")
    at, _, numbers = numbers.rpartition(":")
    first, _, last = numbers.partition("-")
    for number in range(int(first), int(last or first) + 1):
        bind(at or "::", number, kind == "udp")
print("ready", flush=True)
while True:
    for key, _ in waits.select():
        if key.fileobj.type == socket.SOCK_DGRAM:
            _, client = key.fileobj.recvfrom(2000)
            key.fileobj.sendto(text_of(key.fileobj, client), client)
        else:
            stream, client = key.fileobj.accept()
            with stream:
                stream.sendall(text_of(key.fileobj, client))
