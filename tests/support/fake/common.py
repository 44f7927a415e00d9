"""What scenarios share."""
import json

KEEP, CLOSE = "keep", "close"


def error_body(code, message):
    return json.dumps({"errors": [{"code": code, "message": message}]}).encode()


async def send(connection, status, body=b"", headers=()):
    """A whole, honest answer."""
    await connection.head(status, [*headers, ("Content-Length", len(body))])
    await connection.write(body)
    return KEEP
