#!/usr/bin/env python3
"""network_connect.py HOST PORT COUNT: connections one after the other; prints median and 99th percentile
of connect(), then of the time until an answer, in microseconds.
network_connect.py --serve PORT: answers a byte with a byte; keeps connections that say "h".
network_connect.py --hold HOST PORT COUNT FILE: opens so many, makes FILE, and keeps them."""
import resource
import socket
import sys
import time

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def serve(port):
    listener = socket.create_server(("", port), backlog=4096)
    held = []
    while True:
        client, _ = listener.accept()
        data = client.recv(1)
        if data:
            client.sendall(b"y")
        if data == b"h":
            held.append(client)
        else:
            client.close()


def hold(host, port, count, path):
    held = []
    for _ in range(count):
        s = socket.create_connection((host, port))
        s.sendall(b"h")
        s.recv(1)
        held.append(s)
    with open(path, "w") as f:
        f.write("x")
    time.sleep(60)


def measure(host, port, count):
    connects, answers = [], []
    for _ in range(count):
        start = time.perf_counter()
        s = socket.create_connection((host, port))
        connects.append(time.perf_counter() - start)
        s.sendall(b"x")
        s.recv(1)
        answers.append(time.perf_counter() - start)
        s.close()
    connects.sort()
    answers.sort()
    print(*(round(v * 1e6) for v in (connects[count // 2], connects[count * 99 // 100],
                                     answers[count // 2], answers[count * 99 // 100])))


if sys.argv[1] == "--serve":
    serve(int(sys.argv[2]))
elif sys.argv[1] == "--hold":
    hold(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
else:
    measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
