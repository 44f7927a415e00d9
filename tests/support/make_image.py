#!/usr/bin/env python3
"""Makes an OCI image layout from directories, tar files and lists of entries. Standard library
only (zstd through the program of that name). The same input gives the same digests.

  make_image.py DIR [--tag TAG] [--compress gzip|zstd|xz|none] [--docker] [--arch ARCH]
      [--layer SOURCE]... [--env K=V]... [--cmd JSON] [--entrypoint JSON] [--user U]
      [--workdir PATH] [--volume PATH]... [--expose PORT/tcp]... [--label K=V]...
      [--healthcheck JSON] [--stop-signal S] [--append]

A SOURCE is a directory (packed as root's), a tar file, busybox (the machine's static busybox with
all applets), or entries:FILE where each line of FILE is JSON for one tar entry:
  {"path": "a/b", "type": "file|dir|symlink|hardlink|char|block|fifo", "mode": "0644", "uid": 0,
   "gid": 0, "mtime": 0, "data": "text", "size": 0, "target": "..", "pax": {"SCHILY.xattr.x": "y"}}
"""
import argparse
import gzip
import hashlib
import io
import json
import lzma
import os
import subprocess
import sys
import tarfile

TYPES = {"file": tarfile.REGTYPE, "dir": tarfile.DIRTYPE, "symlink": tarfile.SYMTYPE,
         "hardlink": tarfile.LNKTYPE, "char": tarfile.CHRTYPE, "block": tarfile.BLKTYPE,
         "fifo": tarfile.FIFOTYPE}
EPOCH = 1700000000


def entry(path, kind="file", mode=None, data=b"", **more):
    info = tarfile.TarInfo(path)
    info.type = TYPES[kind]
    info.mode = mode if mode is not None else {"dir": 0o755, "symlink": 0o777}.get(kind, 0o644)
    info.mtime = more.get("mtime", EPOCH)
    info.uid, info.gid = more.get("uid", 0), more.get("gid", 0)
    info.linkname = more.get("target", "")
    info.devmajor, info.devminor = more.get("major", 0), more.get("minor", 0)
    info.pax_headers = more.get("pax", {})
    info.size = len(data) if kind == "file" else 0
    return info, data


def busybox_entries():
    path = "/bin/busybox"
    with open(path, "rb") as program:
        binary = program.read()
    for name, mode in (("bin", 0o755), ("dev", 0o755), ("etc", 0o755), ("home", 0o755),
                       ("proc", 0o555), ("root", 0o700), ("sys", 0o555), ("tmp", 0o1777),
                       ("usr", 0o755), ("var", 0o755)):
        yield entry(name, "dir", mode)
    yield entry("bin/busybox", "file", 0o755, binary)
    for applet in subprocess.run([path, "--list"], check=True, capture_output=True,
                                 text=True).stdout.split():
        if applet != "busybox":
            yield entry("bin/" + applet, "symlink", target="busybox")
    yield entry("etc/passwd", data=b"root:x:0:0:root:/root:/bin/sh\n"
                b"daemon:x:1:1:daemon:/usr/sbin:/bin/false\nuser:x:1000:1000::/home/user:/bin/sh\n")
    yield entry("etc/group", data=b"root:x:0:\ndaemon:x:1:\nstaff:x:50:user\nuser:x:1000:\n")
    yield entry("home/user", "dir", uid=1000, gid=1000)


def directory_entries(top):
    for parent, dirs, files in os.walk(top):
        dirs.sort()
        for name in sorted(dirs + files):
            path = os.path.join(parent, name)
            info = tarfile.TarFile.gettarinfo(tarfile.open(fileobj=io.BytesIO(), mode="w"), path,
                                              os.path.relpath(path, top))
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mtime = EPOCH
            data = b""
            if info.isreg():
                with open(path, "rb") as file:
                    data = file.read()
            yield info, data


def listed_entries(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in filter(str.strip, file):
            wish = json.loads(line)
            data = wish.pop("data", "").encode("utf-8", "surrogateescape")
            data += bytes(max(0, wish.pop("size", 0) - len(data)))
            mode = wish.pop("mode", None)
            yield entry(wish.pop("path"), wish.pop("type", "file"), mode and int(mode, 8), data,
                        **wish)


def layer_tar(source):
    if os.path.isfile(source):
        with open(source, "rb") as file:
            return file.read()
    if source == "busybox":
        entries = busybox_entries()
    elif source.startswith("entries:"):
        entries = listed_entries(source[len("entries:"):])
    else:
        entries = directory_entries(source)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT,
                      errors="surrogateescape") as tar:
        for info, data in entries:
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def compress(data, how):
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "xz":
        return lzma.compress(data)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, check=True,
                              capture_output=True).stdout
    return data


def put_blob(layout, data):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(layout, "blobs/sha256", digest), "wb") as file:
        file.write(data)
    return {"digest": "sha256:" + digest, "size": len(data)}


def media_types(docker, how):
    if docker:
        base = "application/vnd.docker."
        return {"manifest": base + "distribution.manifest.v2+json",
                "config": base + "container.image.v1+json",
                "layer": base + "image.rootfs.diff.tar" + ("" if how == "none" else "." + how)}
    base = "application/vnd.oci.image."
    return {"manifest": base + "manifest.v1+json", "config": base + "config.v1+json",
            "layer": base + "layer.v1.tar" + ("" if how == "none" else "+" + how)}


def config_of(args):
    config = {"Env": args.env or ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:"
                                  "/bin"]}
    for key, value in (("Cmd", args.cmd), ("Entrypoint", args.entrypoint)):
        if value:
            config[key] = json.loads(value)
    for key, value in (("User", args.user), ("WorkingDir", args.workdir),
                       ("StopSignal", args.stop_signal)):
        if value:
            config[key] = value
    if args.volume:
        config["Volumes"] = {path: {} for path in args.volume}
    if args.expose:
        config["ExposedPorts"] = {port: {} for port in args.expose}
    if args.healthcheck:
        config["Healthcheck"] = json.loads(args.healthcheck)
    if args.label:
        config["Labels"] = dict(label.split("=", 1) for label in args.label)
    return config


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dir")
    parser.add_argument("--tag", default="latest")
    parser.add_argument("--compress", default="gzip", choices=["gzip", "zstd", "xz", "none"])
    parser.add_argument("--docker", action="store_true", help="docker's media types")
    machine = {"x86_64": "amd64", "aarch64": "arm64"}
    parser.add_argument("--arch", default=machine.get(os.uname().machine, os.uname().machine))
    for name in ("layer", "env", "volume", "expose", "label"):
        parser.add_argument("--" + name, action="append", default=[])
    for name in ("cmd", "entrypoint", "user", "workdir", "stop-signal", "healthcheck"):
        parser.add_argument("--" + name)
    parser.add_argument("--append", action="store_true", help="add a tag to a layout that exists")
    args = parser.parse_args()

    os.makedirs(os.path.join(args.dir, "blobs/sha256"), exist_ok=True)
    types = media_types(args.docker, args.compress)
    diff_ids, layers, history = [], [], []
    for source in args.layer or ["busybox"]:
        tar = layer_tar(source)
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
        layers.append({"mediaType": types["layer"], **put_blob(args.dir,
                                                              compress(tar, args.compress))})
        history.append({"created": "2023-11-14T22:13:20Z", "created_by": "make_image.py " +
                        os.path.basename(source)})
    config = json.dumps({"created": "2023-11-14T22:13:20Z", "architecture": args.arch,
                         "os": "linux", "config": config_of(args),
                         "rootfs": {"type": "layers", "diff_ids": diff_ids},
                         "history": history}).encode()
    manifest = json.dumps({"schemaVersion": 2, "mediaType": types["manifest"],
                           "config": {"mediaType": types["config"], **put_blob(args.dir, config)},
                           "layers": layers}).encode()
    index_path = os.path.join(args.dir, "index.json")
    index = {"schemaVersion": 2, "manifests": []}
    if args.append and os.path.exists(index_path):
        with open(index_path, encoding="utf-8") as file:
            index = json.load(file)
    index["manifests"].append({
        "mediaType": types["manifest"], **put_blob(args.dir, manifest),
        "annotations": {"org.opencontainers.image.ref.name": args.tag},
        "platform": {"architecture": args.arch, "os": "linux"}})
    with open(index_path, "w", encoding="utf-8") as file:
        json.dump(index, file)
    with open(os.path.join(args.dir, "oci-layout"), "w", encoding="utf-8") as file:
        json.dump({"imageLayoutVersion": "1.0.0"}, file)
    print(index["manifests"][-1]["digest"])


if __name__ == "__main__":
    sys.exit(main())
