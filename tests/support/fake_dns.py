#!/usr/bin/env python3
"""fake_dns.py ADDRESS LAST: a name server at ADDRESS:53, over UDP and TCP. It knows
  www.example.test, short.lan.test   A 192.0.2.LAST, AAAA 2001:db8:ffff::LAST
  192.0.2.LAST                       PTR www.example.test
  big.example.test                   TXT of 3000 bytes: over UDP cut, with the TC bit
  silent.example.test                nothing at all
Everything else does not exist. Prints "ready" when it listens."""
import ipaddress
import selectors
import socket
import struct
import sys

ADDRESS, LAST = sys.argv[1], int(sys.argv[2])
HOSTS = {"www.example.test", "short.lan.test"}
A, PTR, TXT, AAAA = 1, 12, 16, 28


def encode(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def record(kind, data):
    return b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 9, len(data)) + data


def look_up(name, kind):
    """The records, or None when there is no such name."""
    if name in HOSTS:
        if kind == A:
            return [record(A, bytes([192, 0, 2, LAST]))]
        if kind == AAAA:
            address = ipaddress.ip_address(f"2001:db8:ffff::{LAST}")
            return [record(AAAA, address.packed)]
        return []
    if name == f"{LAST}.2.0.192.in-addr.arpa":
        return [record(PTR, encode("www.example.test"))] if kind == PTR else []
    if name == "big.example.test":
        return [record(TXT, b"\xfa" + b"t" * 250)] * 12 if kind == TXT else []
    return None


def answer(query, most):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    kind = struct.unpack("!H", query[at + 1:at + 3])[0]
    question = query[12:at + 5]
    name = ".".join(labels)
    if name == "silent.example.test":
        return None
    records = look_up(name, kind)
    code = 3 if records is None else 0
    body = b"".join(records or [])
    flags, count = 0x8580 | code, len(records or [])
    if 12 + len(question) + len(body) > most:
        flags, count, body = flags | 0x0200, 0, b""
    return query[:2] + struct.pack("!HHHHH", flags, 1, count, 0, 0) + question + body


datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind((ADDRESS, 53))
listener = socket.create_server((ADDRESS, 53))
waits = selectors.DefaultSelector()
waits.register(datagrams, selectors.EVENT_READ)
waits.register(listener, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in waits.select():
        if key.fileobj is datagrams:
            query, client = datagrams.recvfrom(4096)
            reply = answer(query, 512)
            if reply:
                datagrams.sendto(reply, client)
        else:
            stream, _ = listener.accept()
            with stream:
                stream.settimeout(5)
                size = struct.unpack("!H", stream.recv(2, socket.MSG_WAITALL))[0]
                reply = answer(stream.recv(size, socket.MSG_WAITALL), 65535)
                stream.sendall(struct.pack("!H", len(reply)) + reply)
