"""Images to serve: an OCI layout from disk, or one made here; and manifests spoiled on purpose."""
import gzip
import hashlib
import io
import json
import os
import random
import tarfile

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    """Blobs by digest and tags; reads files as they are asked for."""

    def __init__(self, directory=None):
        self.directory = directory
        self.memory = {}
        self.tags = {}   # tag → (digest, media type)
        self.types = {}  # digest of a manifest → media type
        self.digest = None  # what tags without an entry mean

    def add(self, data):
        digest = digest_of(data)
        self.memory[digest] = data
        return digest

    def get(self, digest):
        """The blob, or None."""
        if digest in self.memory:
            return self.memory[digest]
        if self.directory and digest.startswith("sha256:") and digest[7:].isalnum():
            try:
                with open(os.path.join(self.directory, "blobs", "sha256", digest[7:]), "rb") as f:
                    return f.read()
            except FileNotFoundError:
                return None
        return None

    def manifest(self, reference):
        """(bytes, media type) by tag or digest, or None."""
        if reference.startswith("sha256:"):
            data = self.get(reference)
            return None if data is None else (data, self.type_of(reference, data))
        digest, media_type = self.tags.get(reference, (self.digest, None))
        data = self.get(digest)
        return None if data is None else (data, media_type or self.type_of(digest, data))

    def type_of(self, digest, data):
        if digest in self.types:
            return self.types[digest]
        try:
            document = json.loads(data)
            fallback = OCI + ("index.v1+json" if "manifests" in document else "manifest.v1+json")
            return document.get("mediaType", fallback)
        except (ValueError, AttributeError):
            return "application/octet-stream"

    def document(self):
        return json.loads(self.get(self.digest))

    def publish(self, data, media_type):
        """Makes `data` what every tag means."""
        self.digest = self.add(data)
        self.types[self.digest] = media_type
        self.tags = {}
        return self.digest


def load_layout(directory):
    layout = Layout(directory)
    with open(os.path.join(directory, "index.json"), encoding="utf-8") as f:
        index = json.load(f)
    for entry in index["manifests"]:
        layout.types[entry["digest"]] = entry["mediaType"]
        tag = entry.get("annotations", {}).get("org.opencontainers.image.ref.name")
        if tag:
            layout.tags[tag.rsplit(":", 1)[-1]] = (entry["digest"], entry["mediaType"])
    layout.digest = index["manifests"][0]["digest"]
    return layout


def make_layer(number, size_bytes):
    content = random.Random(number).randbytes(size_bytes)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(f"data/file-{number}")
        info.size = len(content)
        info.mode = 0o644
        tar.addfile(info, io.BytesIO(content))
    plain = out.getvalue()
    return plain, gzip.compress(plain, 1, mtime=0)


def make_image(layer_bytes=300_000, layers=2):
    layout = Layout()
    descriptors, diff_ids = [], []
    for number in range(layers):
        plain, packed = make_layer(number, layer_bytes)
        descriptors.append({"mediaType": OCI + "layer.v1.tar+gzip", "digest": layout.add(packed),
                            "size": len(packed)})
        diff_ids.append(digest_of(plain))
    config = json.dumps({"architecture": "amd64", "os": "linux",
                         "config": {"Cmd": ["/bin/true"]},
                         "rootfs": {"type": "layers", "diff_ids": diff_ids}}).encode()
    manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
                "config": {"mediaType": OCI + "config.v1+json", "digest": layout.add(config),
                           "size": len(config)}, "layers": descriptors}
    layout.publish(json.dumps(manifest).encode(), OCI + "manifest.v1+json")
    return layout


# ---- spoiled documents: name → function(layout) → (bytes, media type) ----------------------------

MUTATIONS = {}


def mutation(name):
    def note(function):
        MUTATIONS[name] = function
        return function
    return note


def _manifest_with(layout, change, media_type=OCI + "manifest.v1+json"):
    document = layout.document()
    change(document)
    return json.dumps(document).encode(), media_type


def _raw_size(text):
    def spoil(layout):
        data = json.dumps(layout.document())
        size = layout.document()["layers"][0]["size"]
        return data.replace(f'"size": {size}', f'"size": {text}', 1).encode(), \
            OCI + "manifest.v1+json"
    return spoil


for _name, _text in {"negative": "-1", "zero-config": "0", "huge": "9223372036854775808",
                     "float": "1.5", "string": '"12"', "exponent": "1e3"}.items():
    MUTATIONS[f"size-{_name}"] = _raw_size(_text)


def _bad_digest(text):
    def spoil(layout):
        return _manifest_with(layout, lambda d: d["layers"][0].update(digest=text))
    return spoil


for _name, _text in {"dots": "sha256:../../../../x", "upper": "sha256:" + "A" * 64,
                     "short": "sha256:" + "a" * 63, "md5": "md5:" + "a" * 32, "empty": "",
                     "nul": "sha256:\0" + "a" * 63}.items():
    MUTATIONS[f"digest-{_name}"] = _bad_digest(_text)


def _bytes(change):
    return lambda layout: (change(json.dumps(layout.document()).encode()),
                           OCI + "manifest.v1+json")


MUTATIONS["json-truncated"] = _bytes(lambda b: b[:-20])
MUTATIONS["json-garbage"] = _bytes(lambda b: b"\xff\xfe{]")
MUTATIONS["json-deep"] = _bytes(lambda b: b"[" * 100_000)
MUTATIONS["json-duplicate"] = _bytes(lambda b: b'{"schemaVersion": 2, ' + b[1:])
MUTATIONS["json-nan"] = _bytes(lambda b: b[:-1] + b', "x": NaN}')
MUTATIONS["json-bom"] = _bytes(lambda b: b"\xef\xbb\xbf" + b)
MUTATIONS["json-nul"] = _bytes(lambda b: b[:-1] + b', "x": "a\\u0000b"}')
MUTATIONS["json-surrogate"] = _bytes(lambda b: b[:-1] + b', "x": "\\ud800"}')


@mutation("both-kinds")
def _both_kinds(layout):
    return _manifest_with(layout, lambda d: d.update(manifests=[]))


@mutation("type-mismatch")
def _type_mismatch(layout):
    return _manifest_with(layout, lambda d: None, OCI + "index.v1+json")


@mutation("schema1")
def _schema1(layout):
    return (json.dumps({"schemaVersion": 1, "name": "x", "tag": "latest", "fsLayers": [],
                        "history": []}).encode(), DOCKER + "distribution.manifest.v1+prettyjws")


@mutation("artifact")
def _artifact(layout):
    return (json.dumps({"mediaType": "application/vnd.oci.artifact.manifest.v1+json",
                        "blobs": []}).encode(), "application/vnd.oci.artifact.manifest.v1+json")


@mutation("no-layers")
def _no_layers(layout):
    return _manifest_with(layout, lambda d: d.update(layers=[]))


@mutation("unknown-type")
def _unknown_type(layout):
    return _manifest_with(layout, lambda d: d.update(mediaType="application/x-strange"),
                          "application/x-strange")


@mutation("unknown-layer-type")
def _unknown_layer_type(layout):
    return _manifest_with(layout, lambda d: d["layers"][0].update(mediaType="application/x-odd"))


@mutation("foreign-layer")
def _foreign_layer(layout):
    return _manifest_with(layout, lambda d: d["layers"][0].update(
        mediaType=DOCKER + "image.rootfs.foreign.diff.tar.gzip",
        urls=["http://127.0.0.1:1/evil"]))


@mutation("double-layer")
def _double_layer(layout):
    document = layout.document()
    document["layers"] = [document["layers"][0]] * 2
    config = json.loads(layout.get(document["config"]["digest"]))
    config["rootfs"]["diff_ids"] = [config["rootfs"]["diff_ids"][0]] * 2
    data = json.dumps(config).encode()
    document["config"].update(digest=layout.add(data), size=len(data))
    return json.dumps(document).encode(), OCI + "manifest.v1+json"


def _index(entries):
    return json.dumps({"schemaVersion": 2, "mediaType": OCI + "index.v1+json",
                       "manifests": entries}).encode(), OCI + "index.v1+json"


def _entry(layout, digest, architecture="amd64", kind="manifest"):
    return {"mediaType": OCI + kind + ".v1+json", "digest": digest,
            "size": len(layout.get(digest)),
            "platform": {"os": "linux", "architecture": architecture}}


@mutation("index")
def _good_index(layout):
    other = layout.add(json.dumps({**layout.document(), "annotations": {"x": "arm"}}).encode())
    return _index([_entry(layout, other, "arm64"), _entry(layout, layout.digest)])


@mutation("other-platform")
def _other_platform(layout):
    return _index([_entry(layout, layout.digest, "s390x"), _entry(layout, layout.digest, "mips64")])


@mutation("nested-index")
def _nested_index(layout):
    digest = layout.digest
    for depth in range(50):
        data, media_type = _index([_entry(layout, digest, kind="index" if depth else "manifest")])
        digest = layout.add(data)
        layout.types[digest] = media_type
    return layout.get(digest), OCI + "index.v1+json"


@mutation("wide-index")
def _wide_index(layout):
    # A hundred thousand entries do not fit into 4 MiB: the entry limit must strike before.
    entry = {"mediaType": OCI + "manifest.v1+json", "digest": layout.digest, "size": 2}
    return _index([entry] * 20_000)
