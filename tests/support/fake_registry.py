#!/usr/bin/env python3
"""A registry that misbehaves on demand. Loopback only; Python's standard library only.

    fake_registry.py --scenario NAME --port-file F --log F [--image DIR] [--tls KIND] …

Serves an OCI layout directory (--image) under every repository name, or a small image that it
makes itself. Tags are those of the layout's index.json; any other tag is the layout's first image.
--port-file gets, once all is listening, one JSON object:
    {"port": N, "other_port": N, "other_host": "127.0.0.2", "ca": FILE, "digest": "sha256:…", …}
--log gets one JSON object a line for each request (server, method, path, headers, peer, body).
Scenarios are listed by --list; several are joined by commas, the first that handles a request wins.
The user is "user", the password "secret". A second origin ("other") listens beside the registry and
serves the same blobs below /cdn/: a target for redirects and token realms.
"""
import argparse
import asyncio
import json
import os
import signal
import socket
import struct
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "fake"))
import image as images  # noqa: E402
import scenarios  # noqa: E402
import tls  # noqa: E402


class Request:
    def __init__(self, server, method, target, headers, body, peer):
        self.server, self.method, self.body, self.peer = server, method, body, peer
        self.path, _, self.query = target.partition("?")
        self.headers = headers  # lower-case names

    def log_entry(self):
        return {"server": self.server, "method": self.method, "path": self.path,
                "query": self.query, "headers": self.headers, "peer": self.peer,
                "body": self.body.decode("latin-1")}


class Connection:
    """One client connection, for scenarios that write bytes themselves."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def write(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def head(self, status, headers):
        lines = [f"HTTP/1.1 {status} Status"] + [f"{k}: {v}" for k, v in headers]
        await self.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    async def flush(self):
        """Waits until the kernel has taken everything, so that reset() cuts at this place."""
        transport = self.writer.transport
        while transport.get_write_buffer_size() > 0 and not transport.is_closing():
            await asyncio.sleep(0.001)

    def reset(self):
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def close(self):
        self.writer.close()


async def read_request(server, reader, peer):
    first = await reader.readexactly(1)
    if first == b"\x16":  # a TLS handshake: real servers hang up on it too
        raise ConnectionError
    head = first + await reader.readuntil(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ", 2)
    headers = {}
    for line in lines[1:]:
        if line:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(server, method, target, headers, body, peer)


class Fake:
    def __init__(self, options):
        self.options = options
        self.log_file = open(options.log, "a", encoding="utf-8") if options.log else None
        self.layout = (images.load_layout(options.image) if options.image
                       else images.make_image(options.layer_bytes, options.layers))
        self.handlers = scenarios.make(options.scenario.split(","), self)
        self.port = self.other_port = 0
        self.other_host = options.other_host
        self.sent_bytes = 0

    @property
    def scheme(self):
        return "http" if self.options.tls == "none" else "https"

    @property
    def authority(self):
        return f"{self.options.bind}:{self.port}"

    @property
    def other(self):
        return f"http://{self.other_host}:{self.other_port}"

    def log(self, entry):
        if self.log_file:
            self.log_file.write(json.dumps(entry) + "\n")
            self.log_file.flush()

    async def serve(self, server, reader, writer):
        peer = writer.get_extra_info("peername")
        connection = Connection(reader, writer)
        try:
            while not writer.is_closing():
                request = await read_request(server, reader, peer[0])
                self.log(request.log_entry())
                if not await self.answer(request, connection):
                    break
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, OSError,
                ValueError):
            pass  # the client went away, which many tests are about
        finally:
            writer.close()

    async def answer(self, request, connection):
        """True: the connection is kept."""
        for handler in self.handlers:
            result = await handler(request, connection)
            if result is not None:
                return result == scenarios.KEEP
        return False

    async def run(self):
        context = None
        made = {}
        with tempfile.TemporaryDirectory() as directory:
            if self.options.tls != "none":
                context, made = tls.make_context(self.options.tls, directory,
                                                 self.options.cert_dir, self.options.bind,
                                                 self.options.client_ca)
            main = await asyncio.start_server(lambda r, w: self.serve("main", r, w),
                                              self.options.bind, self.options.port, ssl=context,
                                              limit=1 << 20)
            other = await asyncio.start_server(lambda r, w: self.serve("other", r, w),
                                               self.other_host, 0, limit=1 << 20)
            self.port = main.sockets[0].getsockname()[1]
            self.other_port = other.sockets[0].getsockname()[1]
            self.publish(made)
            stop = asyncio.Event()
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
            await stop.wait()
            main.close()
            other.close()

    def publish(self, made):
        facts = {"port": self.port, "other_port": self.other_port, "other_host": self.other_host,
                 "digest": self.layout.digest, "pid": os.getpid(), **made}
        temporary = self.options.port_file + ".tmp"
        with open(temporary, "w", encoding="utf-8") as out:
            json.dump(facts, out)
        os.rename(temporary, self.options.port_file)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="plain")
    parser.add_argument("--list", action="store_true", help="print the scenarios and end")
    parser.add_argument("--image", help="OCI layout directory to serve")
    parser.add_argument("--layer-bytes", type=int, default=300_000)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--bind", default="127.0.0.1")
    parser.add_argument("--other-host", default="127.0.0.2")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file")
    parser.add_argument("--log")
    parser.add_argument("--tls", default="none", choices=["none"] + sorted(tls.KINDS))
    parser.add_argument("--cert-dir", help="keep the certificates here")
    parser.add_argument("--client-ca", action="store_true",
                        help="want a client certificate of the same authority")
    options = parser.parse_args()
    if options.list:
        print("\n".join(scenarios.names()))
        return
    if not options.port_file:
        parser.error("--port-file is needed")
    asyncio.run(Fake(options).run())


if __name__ == "__main__":
    main()
