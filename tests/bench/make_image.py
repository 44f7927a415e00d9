#!/usr/bin/env python3
"""make_image.py DIR [MEGABYTES [ENTRIES]]: an OCI layout of three gzip layers, the same on every run.

Sizes and kinds of files are spread as in a distribution with an application on top; the content
is half words, half machine code look-alike, and gzip makes it about three times smaller.
"""
import hashlib
import json
import os
import random
import sys
import tarfile
import zlib
from io import BytesIO

SHARES = ((0.33, 0.32), (0.45, 0.53), (0.22, 0.15))  # of bytes, of entries


def text_pool(rng, size):
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(rng.choices(letters, weights=range(22, 0, -1), k=rng.randint(2, 11)))
             for _ in range(6000)]
    weights = [1 / (i + 3) for i in range(len(words))]
    return " ".join(rng.choices(words, weights=weights, k=size // 6)).encode()[:size]


def code_pool(rng, size):
    pieces = [rng.randbytes(rng.randint(2, 9)) for _ in range(900)]
    weights = [1 / (i + 2) for i in range(len(pieces))]
    out = b"".join(rng.choices(pieces, weights=weights, k=size // 5)) + bytes(size)
    return out[:size]


class Layer:
    """A gzip blob, written while it is hashed."""

    def __init__(self, path):
        self.out = open(path, "wb")
        self.path = path
        self.packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        self.diff = hashlib.sha256()
        self.blob = hashlib.sha256()
        self.size = 0

    def write(self, data):
        self.diff.update(data)
        self.emit(self.packer.compress(data))
        return len(data)

    def emit(self, data):
        self.blob.update(data)
        self.size += len(data)
        self.out.write(data)

    def close(self):
        self.emit(self.packer.flush())
        self.out.close()
        name = os.path.join(os.path.dirname(self.path), self.blob.hexdigest())
        os.rename(self.path, name)


def fill(layer, rng, pools, top, size, entries):
    tar = tarfile.open(fileobj=layer, mode="w|", format=tarfile.PAX_FORMAT)
    folders = [top]
    left = size
    for i in range(entries):
        info = tarfile.TarInfo()
        info.mtime = 1_600_000_000 + i
        if i % 11 == 0:
            parent = rng.choice([f for f in folders[-40:] if f.count("/") < 7] or [top])
            info.name = f"{parent}/dir{i}" if i else top
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            folders.append(info.name)
            tar.addfile(info)
            continue
        info.name = f"{folders[-1]}/file{i:06}.bin"
        if i % 23 == 0:
            info.type, info.linkname, info.mode = tarfile.SYMTYPE, f"file{i - 1:06}.bin", 0o777
            tar.addfile(info)
            continue
        files_left = entries - i
        info.size = min(int(rng.lognormvariate(8.2, 1.9)), left, 32 << 20)
        if files_left <= entries // 200:
            info.size = left // files_left  # what is missing goes into large files at the end
        left -= info.size
        info.mode = 0o644 if i % 7 else 0o755
        pool = rng.choice(pools)
        data = BytesIO()
        while data.tell() < info.size:
            start = rng.randrange(len(pool) - 1)
            data.write(pool[start:start + min(info.size - data.tell(), 1 << 20)])
        data.seek(0)
        tar.addfile(info, data)
    tar.close()


def put(blobs, document):
    data = json.dumps(document).encode()
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(blobs, digest), "wb") as out:
        out.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def main():
    folder = sys.argv[1]
    size = int(sys.argv[2]) * 1_000_000 if len(sys.argv) > 2 else 900_000_000
    entries = int(sys.argv[3]) if len(sys.argv) > 3 else 47_000
    blobs = os.path.join(folder, "blobs", "sha256")
    os.makedirs(blobs)
    rng = random.Random(4711)
    pools = [text_pool(rng, 8 << 20), code_pool(rng, 8 << 20)]
    layers, diffs = [], []
    for number, (of_bytes, of_entries) in enumerate(SHARES):
        layer = Layer(os.path.join(blobs, "new"))
        fill(layer, rng, pools, f"layer{number}", int(size * of_bytes), int(entries * of_entries))
        layer.close()
        layers.append({"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                       "digest": "sha256:" + layer.blob.hexdigest(), "size": layer.size})
        diffs.append("sha256:" + layer.diff.hexdigest())
    config = put(blobs, {"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
                         "rootfs": {"type": "layers", "diff_ids": diffs}})
    config["mediaType"] = "application/vnd.oci.image.config.v1+json"
    kind = "application/vnd.oci.image.manifest.v1+json"
    manifest = put(blobs, {"schemaVersion": 2, "mediaType": kind, "config": config,
                           "layers": layers})
    manifest.update({"mediaType": kind,
                     "annotations": {"org.opencontainers.image.ref.name": "bench"}})
    with open(os.path.join(folder, "index.json"), "w") as out:
        json.dump({"schemaVersion": 2, "manifests": [manifest]}, out)
    with open(os.path.join(folder, "oci-layout"), "w") as out:
        out.write('{"imageLayoutVersion": "1.0.0"}')
    print(*(layer["digest"] for layer in layers), sep="\n")


if __name__ == "__main__":
    main()
