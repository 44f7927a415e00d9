#!/usr/bin/env python3
"""many_connections.py HOST PORT COUNT: so many connections, all open at once; then a line goes each
way on every one. Prints how many were answered; exit status 1 when not all.
many_connections.py --serve PORT: the other side."""
import resource
import selectors
import socket
import sys

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

if sys.argv[1] == "--serve":
    listener = socket.create_server(("", int(sys.argv[2])), backlog=4096)
    waits = selectors.DefaultSelector()
    waits.register(listener, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        for key, _ in waits.select():
            if key.fileobj is listener:
                waits.register(listener.accept()[0], selectors.EVENT_READ)
                continue
            try:
                heard = key.fileobj.recv(100)
                key.fileobj.sendall(heard)
            except OSError:
                heard = b""
            if not heard:
                waits.unregister(key.fileobj)
                key.fileobj.close()

host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
clients = [socket.create_connection((host, port), timeout=30) for _ in range(count)]
for client in clients:
    client.sendall(b"hello")
answered = sum(client.recv(100) == b"hello" for client in clients)
print(answered)
sys.exit(answered != count)
