"""Scenarios that break a rule of HTTP or of the distribution protocol, one each."""
import asyncio
import gzip
import json
import re

from common import CLOSE, KEEP, error_body, send

BLOB = re.compile(r"^/v2/.+/blobs/(sha256:[^/]+)$")
MANIFEST = re.compile(r"^/v2/.+/manifests/([^/]+)$")
SCENARIOS = {}


def scenario(name, *arguments):
    """On a coroutine function(fake, state, request, connection, *arguments) → KEEP, CLOSE, None."""
    def note(function):
        def make(fake):
            state = {}

            async def handle(request, connection):
                return await function(fake, state, request, connection, *arguments)
            return handle
        SCENARIOS[name] = make
        return function
    return note


def layer_blob(fake, request):
    """The bytes of the layer (never the config) that a request is for, or None."""
    match = BLOB.match(request.path)
    if not match:
        return None
    data = fake.layout.get(match[1])
    return data if data is not None and not data.startswith(b"{") else None


def first_byte(request):
    match = re.match(r"^bytes=(\d+)-$", request.headers.get("range", ""))
    return int(match[1]) if match else 0


async def start_blob(connection, data, first):
    """An honest head for data[first:]."""
    headers = [("Content-Length", len(data) - first), ("Content-Type", "application/octet-stream")]
    if first:
        headers.append(("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}"))
    await connection.head(206 if first else 200, headers)


# ---- bodies of blobs (R01, R02, R03, R26, R28) ---------------------------------------------------

@scenario("short-blob-once", True)
@scenario("short-blob", False)
async def short_blob(fake, state, request, connection, once):
    data = layer_blob(fake, request)
    if data is None or (once and state.setdefault(request.path, 0)):
        return None
    state[request.path] = 1
    first = first_byte(request)
    await start_blob(connection, data, first)
    if not first:
        await connection.write(data[:len(data) * 6 // 10])
    return CLOSE


@scenario("long-blob", "chunked")
@scenario("long-blob-length", "length")
async def long_blob(fake, state, request, connection, framing):
    data = layer_blob(fake, request)
    if data is None:
        return None
    if framing == "length":
        return await send(connection, 200, data + b"x" * 1_000_000)
    await connection.head(200, [("Transfer-Encoding", "chunked")])
    for _ in range(200):
        await connection.write(b"%x\r\n%s\r\n" % (len(data), data))
    return CLOSE


@scenario("wrong-blob")
async def wrong_blob(fake, state, request, connection):
    data = layer_blob(fake, request)
    if data is None:
        return None
    return await send(connection, 200, data[:-1] + bytes([data[-1] ^ 1]))


@scenario("wrong-config")
async def wrong_config(fake, state, request, connection):
    match = BLOB.match(request.path)
    data = fake.layout.get(match[1]) if match else None
    if data is None or not data.startswith(b"{"):
        return None
    return await send(connection, 200, data.replace(b"linux", b"xinul"))


@scenario("huge-config")
async def huge_config(fake, state, request, connection):
    match = BLOB.match(request.path)
    data = fake.layout.get(match[1]) if match else None
    if data is None or not data.startswith(b"{"):
        return None
    await connection.head(200, [("Transfer-Encoding", "chunked")])
    return await pour(fake, connection, 100 << 20)


@scenario("reset-tenths", True)
@scenario("reset-tenths-no-range", False)
async def reset_tenths(fake, state, request, connection, ranges):
    """Resets after each tenth of a layer; without ranges only the first three times."""
    data = layer_blob(fake, request)
    if data is None:
        return None
    first = first_byte(request) if ranges else 0
    count = state[request.path] = state.get(request.path, 0) + 1
    await start_blob(connection, data, first)
    if not ranges and count > 3:
        await connection.write(data)
        return KEEP
    end = first + len(data) // 10 + 1
    await connection.write(data[first:end])
    if end >= len(data):
        return KEEP
    await connection.flush()
    await asyncio.sleep(0.02)
    connection.reset()
    return CLOSE


@scenario("no-range")
async def no_range(fake, state, request, connection):
    data = layer_blob(fake, request)
    return None if data is None else await send(connection, 200, data)


@scenario("wrong-range-first", lambda f, n: (f + 1, n - 1, n))
@scenario("wrong-range-total", lambda f, n: (f, n - 1, n + 5))
@scenario("wrong-range-none", None)
async def wrong_range(fake, state, request, connection, change):
    data = layer_blob(fake, request)
    if data is None or "range" not in request.headers:
        return None
    first = first_byte(request)
    headers = []
    if change:
        a, b, n = change(first, len(data))
        headers = [("Content-Range", f"bytes {a}-{b}/{n}")]
    return await send(connection, 206, data[first:], headers)


@scenario("encoded-blob")
async def encoded_blob(fake, state, request, connection):
    """The bytes as addressed, with a header that claims one more encoding."""
    data = layer_blob(fake, request)
    if data is None:
        return None
    return await send(connection, 200, data, [("Content-Encoding", "gzip")])


# ---- manifests (R04, R06, R34) -------------------------------------------------------------------

@scenario("wrong-manifest")
async def wrong_manifest(fake, state, request, connection):
    """By digest: other content. By tag: honest content with a lying digest header."""
    match = MANIFEST.match(request.path)
    if not match:
        return None
    data, media_type = fake.layout.manifest(fake.layout.digest)
    if match[1].startswith("sha256:"):
        data = data.replace(b"{", b"{ ", 1)
    return await send(connection, 200, data, [
        ("Content-Type", media_type), ("Docker-Content-Digest", "sha256:" + "0" * 64)])


async def pour(fake, connection, limit):
    """Chunks without end, up to `limit` bytes; counts what was taken."""
    piece = b"a" * 65536
    while fake.sent_bytes < limit:
        await connection.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        fake.sent_bytes += len(piece)
    return CLOSE


@scenario("huge-manifest", "chunked")
@scenario("huge-manifest-length", "length")
async def huge_manifest(fake, state, request, connection, framing):
    if request.path == "/sent":
        return await send(connection, 200, str(fake.sent_bytes).encode())
    if not MANIFEST.match(request.path):
        return None
    if framing == "length":
        return await send(connection, 200, b" " * ((4 << 20) + 1))
    await connection.head(200, [("Transfer-Encoding", "chunked")])
    return await pour(fake, connection, 64 << 20)


@scenario("tag-swap")
async def tag_swap(fake, state, request, connection):
    """The tag means another image from the second manifest request on."""
    match = MANIFEST.match(request.path)
    if match and not match[1].startswith("sha256:"):
        state["asked"] = state.get("asked", 0) + 1
        if state["asked"] == 2:
            document = fake.layout.document()
            document["layers"] = document["layers"][:1]
            config = json.loads(fake.layout.get(document["config"]["digest"]))
            config["rootfs"]["diff_ids"] = config["rootfs"]["diff_ids"][:1]
            data = json.dumps(config).encode()
            document["config"].update(digest=fake.layout.add(data), size=len(data))
            fake.layout.publish(json.dumps(document).encode(),
                                "application/vnd.oci.image.manifest.v1+json")
    return None


# ---- errors and their bodies (R07, R23, R24) -----------------------------------------------------

@scenario("endless-error", 404)
@scenario("endless-error-500", 500)
async def endless_error(fake, state, request, connection, status):
    if request.path == "/sent":
        return await send(connection, 200, str(fake.sent_bytes).encode())
    await connection.head(status, [("Transfer-Encoding", "chunked")])
    return await pour(fake, connection, 64 << 20)


@scenario("escape-error")
async def escape_error(fake, state, request, connection):
    return await send(connection, 403, error_body("DENIED", "\x1b]0;owned\x07\x1b[2J no"))


@scenario("flaky-503", 503, 2)
@scenario("flaky-500", 500, 2)
@scenario("always-503", 503, 1 << 30)
async def flaky(fake, state, request, connection, status, times):
    state[request.path] = state.get(request.path, 0) + 1
    if state[request.path] > times:
        return None
    return await send(connection, status, error_body("UNAVAILABLE", "try again"))


@scenario("retry-after-2", "2", 1)
@scenario("retry-after-day", "86400", 1 << 30)
@scenario("retry-after-negative", "-5", 1 << 30)
@scenario("retry-after-1970", "Thu, 01 Jan 1970 00:00:00 GMT", 1 << 30)
@scenario("retry-after-garbage", "soon", 1 << 30)
async def retry_after(fake, state, request, connection, value, times):
    state["n"] = state.get("n", 0) + 1
    if state["n"] > times:
        return None
    return await send(connection, 429, error_body("TOOMANYREQUESTS", "slow down"),
                      [("Retry-After", value)])


# ---- redirects (R13 to R17) ----------------------------------------------------------------------

@scenario("redirect-other", "{other}/cdn/{digest}")
@scenario("redirect-port", "http://127.0.0.1:{other_port}/cdn/{digest}")
@scenario("redirect-plain", "http://localhost:{other_port}/cdn/{digest}")
@scenario("redirect-file", "file:///etc/passwd")
@scenario("redirect-gopher", "gopher://127.0.0.1:{other_port}/x")
@scenario("redirect-ftp", "ftp://127.0.0.1:{other_port}/x")
@scenario("redirect-userinfo", "http://a:b@127.0.0.1:{other_port}/cdn/{digest}")
@scenario("redirect-loop", "{self}{path}")
@scenario("redirect-loopback", "https://127.0.0.1:{other_port}/cdn/{digest}")
@scenario("redirect-loopback6", "https://[::1]:{other_port}/cdn/{digest}")
@scenario("redirect-metadata", "https://169.254.169.254/latest/meta-data/")
@scenario("redirect-named-loopback", "https://sneaky.example:{other_port}/cdn/{digest}")
@scenario("redirect-remote-http", "http://203.0.113.9/cdn/{digest}")
@scenario("redirect-relative", "/cdn/{digest}")
async def redirect(fake, state, request, connection, target):
    match = BLOB.match(request.path)
    if request.server != "main" or not match:
        return None
    location = target.format(other=fake.other, other_port=fake.other_port, digest=match[1],
                             self=f"{fake.scheme}://{fake.authority}", path=request.path)
    return await send(connection, 307, b"", [("Location", location), ("Set-Cookie", "a=b")])


@scenario("redirect-hops")
async def redirect_hops(fake, state, request, connection):
    match = BLOB.match(request.path)
    if not match:
        return None
    match = re.match(r"^n=(\d+)$", request.query)
    n = int(match[1]) if match else 0
    if n == 20:
        return None
    return await send(connection, 302, b"", [("Location", f"{request.path}?n={n + 1}")])


@scenario("realm-loopback", "https://127.0.0.1:{other_port}/token")
@scenario("realm-loopback6", "https://[::1]:{other_port}/token")
@scenario("realm-metadata", "https://169.254.169.254/token")
@scenario("realm-plain", "http://203.0.113.9/token")
@scenario("realm-file", "file:///etc/passwd")
async def realm(fake, state, request, connection, target):
    if request.server != "main":
        return None
    location = target.format(other_port=fake.other_port)
    return await send(connection, 401, b"", [
        ("WWW-Authenticate", f'Bearer realm="{location}",service="fake"')])


# ---- challenges and tokens (R07, R19, R20) -------------------------------------------------------

@scenario("challenge-none", None)
@scenario("challenge-huge", 'Bearer realm="' + "x" * 1_000_000 + '"')
@scenario("challenge-broken", 'Bearer realm="http://x')
@scenario("challenge-junk", '=,=,"",;;\\"')
async def challenge(fake, state, request, connection, value):
    headers = [("WWW-Authenticate", value)] if value else []
    return await send(connection, 401, b"", headers)


@scenario("challenge-two")
async def challenge_two(fake, state, request, connection):
    if request.path == "/token":
        return await send(connection, 200, b'{"token": "t"}')
    if request.headers.get("authorization") == "Bearer t":
        return None
    return await send(connection, 401, b"", [
        ("WWW-Authenticate", 'Basic realm="x"'),
        ("WWW-Authenticate", f'Bearer realm="{fake.scheme}://{fake.authority}/token"')])


@scenario("huge-token", None)
@scenario("bad-token", b'{"token": "a\\r\\nX-Evil: 1"}')
@scenario("no-token", b'{}')
@scenario("garbage-token", b'secret-in-garbage')
async def spoiled_token(fake, state, request, connection, body):
    if request.path == "/sent":
        return await send(connection, 200, str(fake.sent_bytes).encode())
    if request.path != "/token":
        return await send(connection, 401, b"", [
            ("WWW-Authenticate", f'Bearer realm="{fake.scheme}://{fake.authority}/token"')])
    if body is not None:
        return await send(connection, 200, body)
    await connection.head(200, [("Transfer-Encoding", "chunked")])
    return await pour(fake, connection, 100 << 20)


# ---- time (R25) ----------------------------------------------------------------------------------

@scenario("slow-headers")
async def slow_headers(fake, state, request, connection):
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 100_000:
        await connection.write(bytes([byte]))
        await asyncio.sleep(1)
    return CLOSE


@scenario("silent")
async def silent(fake, state, request, connection):
    await asyncio.sleep(3600)
    return CLOSE


@scenario("stalled-blob")
async def stalled_blob(fake, state, request, connection):
    data = layer_blob(fake, request)
    if data is None:
        return None
    first = first_byte(request)
    await start_blob(connection, data, first)
    await connection.write(data[first:first + 1000])
    await asyncio.sleep(3600)
    return CLOSE


# ---- HTTP itself (R27) ---------------------------------------------------------------------------

@scenario("bad-chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\nx\r\n")
@scenario("huge-chunk", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                        b"fffffffffffffffff\r\nx\r\n")
@scenario("both-lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked"
                          b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
@scenario("two-lengths", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 5\r\n\r\n{}xxx")
@scenario("bad-length", b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}")
@scenario("huge-header", b"HTTP/1.1 200 OK\r\nX-Big: " + b"x" * 1_000_000 + b"\r\n\r\n")
@scenario("many-headers", b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 100_000 + b"\r\n")
@scenario("not-http", b"SSH-2.0-OpenSSH_9.2\r\n")
@scenario("endless-interim", b"HTTP/1.1 100 Continue\r\n\r\n" * 20_000)
async def raw_answer(fake, state, request, connection, data):
    await connection.write(data)
    return CLOSE
