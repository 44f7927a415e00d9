"""What the fake registry does. A scenario is a class with any of the hooks of `Scenario`; what it
does not handle falls through to the next one and finally to the well-behaved registry."""
import base64
import json
import re

import faults
import image
from common import CLOSE, KEEP, error_body, send

MANIFEST = re.compile(r"^/v2/(.+)/manifests/([^/]+)$")
BLOB = re.compile(r"^/v2/(.+)/blobs/([^/]+)$")
CDN = re.compile(r"^/cdn/([^/]+)$")
USER, PASSWORD = "user", "secret"


def basic(user=USER, password=PASSWORD):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def send_blob(fake, request, connection, digest, extra=()):
    data = fake.layout.get(digest)
    if data is None:
        return await send(connection, 404, error_body("BLOB_UNKNOWN", "blob unknown to registry"))
    headers = [("Content-Type", "application/octet-stream"), ("Docker-Content-Digest", digest),
               *extra]
    wanted = re.match(r"^bytes=(\d+)-$", request.headers.get("range", ""))
    if wanted and int(wanted[1]) < len(data):
        first = int(wanted[1])
        headers.append(("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}"))
        return await send(connection, 206, data[first:], headers)
    if wanted:
        return await send(connection, 416, b"", headers)
    return await send(connection, 200, data, headers)


async def send_manifest(fake, connection, reference):
    found = fake.layout.manifest(reference)
    if found is None:
        return await send(connection, 404, error_body("MANIFEST_UNKNOWN", "manifest unknown"))
    data, media_type = found
    return await send(connection, 200, data, [
        ("Content-Type", media_type), ("Docker-Content-Digest", image.digest_of(data))])


class Plain:
    """The well-behaved registry at the end of every chain."""

    def __init__(self, fake):
        self.fake = fake

    async def __call__(self, request, connection):
        if match := (BLOB.match(request.path) or CDN.match(request.path)):
            return await send_blob(self.fake, request, connection, match[match.lastindex])
        if match := MANIFEST.match(request.path):
            return await send_manifest(self.fake, connection, match[2])
        if request.path in ("/v2/", "/v2"):
            return await send(connection, 200, b"{}")
        return await send(connection, 404, b"nothing here")


class Basic:
    """Wants user:secret by basic authentication."""

    def __init__(self, fake):
        self.fake = fake

    async def __call__(self, request, connection):
        if request.server != "main" or request.headers.get("authorization") == basic():
            return None
        return await send(connection, 401, error_body("UNAUTHORIZED", "authentication required"),
                          [("WWW-Authenticate", 'Basic realm="fake"')])


class Bearer:
    """Tokens from /token on the same server. Variants: login (the token server wants user:secret),
    elsewhere (the realm is the other origin), expire (each token serves three requests), forever
    (no token is ever good), oauth (a login gives an identity token, which POST takes)."""

    def __init__(self, fake, variant=""):
        self.fake, self.variant = fake, variant
        self.tokens = {}  # token → requests left
        self.issued = 0

    def realm(self):
        if self.variant == "elsewhere":
            return self.fake.other + "/token"
        return f"{self.fake.scheme}://{self.fake.authority}/token"

    async def issue(self, request, connection):
        if self.variant in ("login", "oauth") and request.method == "GET" and \
                request.headers.get("authorization") != basic():
            return await send(connection, 401, error_body("UNAUTHORIZED", "bad user or password"))
        if request.method == "POST" and "refresh_token=identity-1" not in request.body.decode():
            return await send(connection, 401, error_body("UNAUTHORIZED", "bad identity token"))
        self.issued += 1
        token = f"token-{self.issued}"
        self.tokens[token] = 3 if self.variant == "expire" else 1 << 30
        answer = {"token": token, "expires_in": 300}
        if self.variant == "oauth" and "offline_token=true" in request.query:
            answer["refresh_token"] = "identity-1"
        return await send(connection, 200, json.dumps(answer).encode())

    async def __call__(self, request, connection):
        if request.path == "/token":
            return await self.issue(request, connection)
        if request.server != "main":
            return None
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.variant != "forever" and self.tokens.get(token, 0) > 0:
            self.tokens[token] -= 1
            return None
        match = MANIFEST.match(request.path) or BLOB.match(request.path)
        scope = f',scope="repository:{match[1]}:pull"' if match else ""
        return await send(connection, 401, error_body("UNAUTHORIZED", "authentication required"), [
            ("WWW-Authenticate", f'Bearer realm="{self.realm()}",service="fake"{scope}')])


class Spoil:
    """manifest-NAME: every tag means a document that is spoiled (see image.MUTATIONS)."""

    def __init__(self, fake, name):
        data, media_type = image.MUTATIONS[name](fake.layout)
        fake.layout.publish(data, media_type)

    async def __call__(self, request, connection):
        return None


SCENARIOS = {
    "plain": Plain,
    "basic": Basic,
    "bearer": Bearer,
    "bearer-login": lambda fake: Bearer(fake, "login"),
    "bearer-elsewhere": lambda fake: Bearer(fake, "elsewhere"),
    "bearer-expire": lambda fake: Bearer(fake, "expire"),
    "bearer-forever": lambda fake: Bearer(fake, "forever"),
    "oauth": lambda fake: Bearer(fake, "oauth"),
    **faults.SCENARIOS,
}


def names():
    return sorted([*SCENARIOS, *("manifest-" + name for name in image.MUTATIONS)])


def make(wanted, fake):
    handlers = []
    for name in wanted:
        if name.startswith("manifest-"):
            handlers.append(Spoil(fake, name.removeprefix("manifest-")))
        else:
            handlers.append(SCENARIOS[name](fake))
    return [*handlers, Plain(fake)]
