#!/usr/bin/env python3
"""Stands for a user's systemd: answers StartTransientUnit on a socket, as its private socket or as
the user's bus does, and moves the named processes into a cgroup of that name.

  fake_systemd.py SOCKET CGROUP_DIR [--bus] [--refuse] [--silent]

Writes one line of JSON for each call to standard output, "ready" before."""
import json
import os
import socket
import struct
import sys


class Reader:
    """D-Bus values in their little-endian form, aligned from the message's first byte."""

    def __init__(self, data, at):
        self.data, self.at = data, at

    def align(self, size):
        self.at = (self.at + size - 1) // size * size

    def u32(self):
        self.align(4)
        value = struct.unpack_from("<I", self.data, self.at)[0]
        self.at += 4
        return value

    def text(self, size):
        value = self.data[self.at:self.at + size].decode()
        self.at += size + 1
        return value

    def string(self):
        return self.text(self.u32())

    def signature(self):
        self.at += 1
        return self.text(self.data[self.at - 1])

    def array(self, alignment, element):
        size = self.u32()
        self.align(alignment)
        end, values = self.at + size, []
        while self.at < end:
            values.append(element())
        return values

    def variant(self):
        kind = self.signature()
        if kind in "so":
            return self.string()
        if kind == "b":
            return bool(self.u32())
        if kind == "u":
            return self.u32()
        if kind == "g":
            return self.signature()
        if kind == "au":
            return self.array(4, self.u32)
        raise ValueError("a type that no scope needs: " + kind)

    def property(self):
        self.align(8)
        name = self.string()
        return name, self.variant()

    def field(self):
        self.align(8)
        code = self.data[self.at]
        self.at += 1
        return code, self.variant()


def receive(connection, count):
    data = b""
    while len(data) < count:
        piece = connection.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def receive_message(connection):
    head = receive(connection, 16)
    body, serial, fields = struct.unpack_from("<I", head, 4)[0], \
        struct.unpack_from("<I", head, 8)[0], struct.unpack_from("<I", head, 12)[0]
    rest = receive(connection, (16 + fields + 7) // 8 * 8 + body - 16)
    data = head + rest
    reader = Reader(data, 12)
    header = dict(reader.array(8, reader.field))
    reader.align(8)
    return serial, header, reader


def padded(data, size):
    return data + b"\0" * (-len(data) % size)


def reply(serial, error=None):
    def text(value):
        return struct.pack("<I", len(value)) + value.encode() + b"\0"

    fields = b"\x05\x01u\0" + struct.pack("<I", serial)
    body = text("the fake refuses") if error else text("/job/1")
    if error:
        fields = padded(fields, 8) + b"\x04\x01s\0" + text(error)
    fields = padded(fields, 8) + b"\x08\x01g\0" + (b"\x01s\0" if error else b"\x01o\0")
    return padded(b"l" + (b"\x03" if error else b"\x02") + b"\x01\x01"
                  + struct.pack("<III", len(body), 9, len(fields)) + fields, 8) + body


def log_in(connection):
    line = b""
    while not line.endswith(b"\r\n"):
        line += receive(connection, 1)
    uid = str(os.getuid()).encode().hex()
    if line != b"\0AUTH EXTERNAL " + uid.encode() + b"\r\n":
        connection.sendall(b"REJECTED EXTERNAL\r\n")
        raise EOFError
    connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
    if receive(connection, 7) != b"BEGIN\r\n":
        raise EOFError


def serve(connection, cgroup, options):
    log_in(connection)
    if "--silent" in options:
        connection.recv(65536)
        connection.recv(65536)
        return
    if "--bus" in options:
        serial, header, _ = receive_message(connection)
        assert header[3] == "Hello", header
        connection.sendall(reply(serial))
    serial, header, body = receive_message(connection)
    assert header[3] == "StartTransientUnit", header
    assert header[8] == "ssa(sv)a(sa(sv))", header
    name, mode = body.string(), body.string()
    properties = dict(body.array(8, body.property))
    print(json.dumps({"name": name, "mode": mode, "path": header[1], **properties}), flush=True)
    if "--refuse" in options:
        connection.sendall(reply(serial, "org.freedesktop.DBus.Error.AccessDenied"))
        return
    connection.sendall(reply(serial))
    scope = os.path.join(cgroup, name)
    os.mkdir(scope)
    for pid in properties["PIDs"]:
        with open(os.path.join(scope, "cgroup.procs"), "w", encoding="ascii") as file:
            file.write(str(pid))


def main():
    path, cgroup, options = sys.argv[1], sys.argv[2], sys.argv[3:]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                try:
                    serve(connection, cgroup, options)
                except EOFError:
                    pass


if __name__ == "__main__":
    main()
