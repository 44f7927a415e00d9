#!/usr/bin/env python3
"""compare_unpackers.py DRIVER LAYOUT|hostile...: unpacks the layers of OCI layouts by `umoci raw unpack` and
by ours (bench_unpack_layers), applies our whiteouts, and compares both trees: names, types, modes,
owners, times, link texts, hard links, attributes and content. "hostile": the whiteout cases of
tests/support/hostile_layers.py, each on top of a layer that has what they hide. Run by root. Prints
differences."""
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile


def picture(root):
    found, links = {}, {}
    for top, folders, files in os.walk(root):
        for name in folders + files:
            path = os.path.join(top, name)
            info = os.lstat(path)
            kind = stat.S_IFMT(info.st_mode)
            if kind in (stat.S_IFCHR, stat.S_IFBLK):
                continue  # ours leaves device nodes out
            what = [oct(info.st_mode), info.st_uid, info.st_gid, int(info.st_mtime)]
            if kind == stat.S_IFLNK:
                what.append(os.readlink(path))
            elif kind == stat.S_IFREG:
                with open(path, "rb") as data:
                    what.append(hashlib.file_digest(data, "sha256").hexdigest())
            relative = os.path.relpath(path, root)
            if kind != stat.S_IFLNK:
                what.append(sorted((key, os.getxattr(path, key)) for key in os.listxattr(path)
                                   if not key.startswith("user.overlay.")))
            if info.st_nlink > 1 and kind == stat.S_IFREG:
                links.setdefault(info.st_ino, []).append(relative)
            found[relative] = what
    for names in links.values():
        for name in names:
            found[name].append(sorted(names))
    return found


def apply(layer, target):
    """What overlayfs does with a layer on top of a tree."""
    for top, folders, files in os.walk(layer):
        relative = os.path.relpath(top, layer)
        below = os.path.join(target, relative)
        if os.path.isdir(below) and "user.overlay.opaque" in os.listxattr(top):
            for name in os.listdir(below):
                remove(os.path.join(below, name))
        times = os.lstat(top)
        for name in folders + files:
            upper, lower = os.path.join(top, name), os.path.join(below, name)
            info = os.lstat(upper)
            both = stat.S_ISDIR(info.st_mode) and os.path.isdir(lower) and not os.path.islink(lower)
            if os.path.lexists(lower) and not both:
                remove(lower)
            if stat.S_ISCHR(info.st_mode):
                os.unlink(upper)
        os.utime(top, ns=(times.st_atime_ns, times.st_mtime_ns))
    subprocess.run(["rsync", "-aHX", layer + "/", target + "/"] if shutil.which("rsync") else
                   ["sh", "-c", 'cp -a --preserve=all "$0/." "$1/"', layer, target], check=True)


def remove(path):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)


def compare(driver, layout, work):
    index = json.load(open(os.path.join(layout, "index.json")))["manifests"][0]
    tag = index.get("annotations", {}).get("org.opencontainers.image.ref.name", "latest")

    def blob(digest):
        return os.path.join(layout, "blobs", *digest.split(":"))
    manifest = json.load(open(blob(index["digest"])))
    theirs, ours = os.path.join(work, "theirs"), os.path.join(work, "ours")
    os.makedirs(work, exist_ok=True)
    subprocess.run(["umoci", "raw", "unpack", "--image", f"{layout}:{tag}", theirs], check=True,
                   stderr=subprocess.DEVNULL)
    os.makedirs(ours)
    layers = os.path.join(work, "layers")
    subprocess.run([driver, "identity", layers] + [blob(l["digest"]) for l in manifest["layers"]],
                   check=True, stdout=subprocess.DEVNULL)
    for number in range(len(manifest["layers"])):
        apply(os.path.join(layers, str(number)), ours)
    left, right = picture(theirs), picture(ours)
    differences = 0
    for name in sorted(left.keys() | right.keys()):
        if left.get(name) != right.get(name):
            differences += 1
            print(f"{name}\n  umoci: {left.get(name)}\n  ours:  {right.get(name)}")
    print(f"{layout}: {len(left)} entries, {differences} differences")
    return differences


def put(layout, data, kind):
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(layout, "blobs", "sha256", digest), "wb") as out:
        out.write(data)
    return {"mediaType": "application/vnd.oci.image." + kind, "digest": "sha256:" + digest,
            "size": len(data)}


def make_layout(layout, layers):
    os.makedirs(os.path.join(layout, "blobs", "sha256"))
    descriptors = [put(layout, data, "layer.v1.tar") for data in layers]
    config = {"architecture": "amd64", "os": "linux", "rootfs": {
        "type": "layers", "diff_ids": [one["digest"] for one in descriptors]}}
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": put(layout, json.dumps(config).encode(), "config.v1+json"),
                "layers": descriptors}
    index = put(layout, json.dumps(manifest).encode(), "manifest.v1+json")
    index["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    with open(os.path.join(layout, "index.json"), "w") as out:
        json.dump({"schemaVersion": 2, "manifests": [index]}, out)
    with open(os.path.join(layout, "oci-layout"), "w") as out:
        out.write('{"imageLayoutVersion": "1.0.0"}')


def compare_hostile(driver, work):
    sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
    import hostile_layers as make
    lower = b"".join([make.folder("d"), make.file("d/low", "low"), make.file("d/gone", "low"),
                      make.folder("d/e"), make.file("d/e/low", "low"), make.folder("a"),
                      make.folder("a/b"), make.file("a/b/low", "low"), make.file("a/low", "low"),
                      make.file("f", "low"), make.file("l", "low"), make.file("x", "low")])
    cases = make.Cases(work)
    make.whiteouts(cases)
    total = 0
    for case in cases.list:
        # U11-root: umoci wants a root that it can replace; U12-aufs: it keeps aufs's names;
        # U12-dir-mark-last: its removing changes the time of a directory of the layer.
        if case["error"] is not None or not case["name"].startswith(("U11", "U12-")) or \
                case["name"] in ("U11-root", "U12-aufs", "U12-dir-mark-last"):
            continue
        with open(os.path.join(work, case["file"]), "rb") as data:
            layers = [lower + make.END, data.read()]
        layout = os.path.join(work, "layout-" + case["name"])
        make_layout(layout, layers)
        total += compare(driver, layout, os.path.join(work, "work-" + case["name"]))
    return total


def main():
    total = 0
    for layout in sys.argv[2:]:
        if layout == "hostile":
            with tempfile.TemporaryDirectory() as work:
                total += compare_hostile(sys.argv[1], work)
            continue
        with tempfile.TemporaryDirectory() as work:
            total += compare(sys.argv[1], layout, work)
    sys.exit(1 if total else 0)


if __name__ == "__main__":
    main()
