"""Certificates made by openssl(1) for one run, good and bad."""
import os
import ssl
import subprocess

# name → (subject alternative names or None for the bound address, days, digest)
KINDS = {
    "good": (None, 30, "sha256"),
    "expired": (None, -1, "sha256"),
    "wrong-host": ("DNS:elsewhere.example", 30, "sha256"),
    "sha1": (None, 30, "sha1"),
    "self-signed": (None, 30, "sha256"),
    "tls1.1": (None, 30, "sha256"),
}


def _openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def _make_ca(directory):
    _openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30",
             "-subj", "/CN=fake registry authority",
             "-addext", "basicConstraints=critical,CA:TRUE")


def _make_leaf(directory, name, subject, san, days, digest):
    _openssl(directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + subject)
    with open(os.path.join(directory, name + ".ext"), "w", encoding="ascii") as out:
        out.write(f"subjectAltName={san}\n")
    # A negative lifetime is what `openssl x509 -days` takes for "ended yesterday".
    _openssl(directory, "x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key",
             "-CAcreateserial", "-out", name + ".crt", "-days", str(days), "-" + digest,
             "-extfile", name + ".ext")


def make_context(kind, scratch, keep_dir, address, want_client):
    """(server-side SSLContext, facts for the port file)."""
    directory = os.path.abspath(keep_dir or scratch)
    os.makedirs(directory, exist_ok=True)
    san, days, digest = KINDS[kind]
    san = san or f"IP:{address},DNS:localhost"
    _make_ca(directory)
    if kind == "self-signed":
        _openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out",
                 "server.crt", "-days", "30", "-subj", "/CN=" + address, "-addext",
                 "subjectAltName=" + san)
    else:
        _make_leaf(directory, "server", address, san, days, digest)
    _make_leaf(directory, "client", "a client", "DNS:client", 30, "sha256")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if kind in ("tls1.1", "sha1"):
        context.set_ciphers("ALL:@SECLEVEL=0")
    if kind == "tls1.1":
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.load_cert_chain(os.path.join(directory, "server.crt"),
                            os.path.join(directory, "server.key"))
    if want_client:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(os.path.join(directory, "ca.pem"))
    return context, {"ca": os.path.join(directory, "ca.pem"),
                     "client_cert": os.path.join(directory, "client.crt"),
                     "client_key": os.path.join(directory, "client.key")}
