#!/usr/bin/env python3
"""Writes layers as an attacker would make them, and what must come of each.

hostile_layers.py DIR  makes DIR/<case>.tar[.gz|.zst|.xz] and DIR/cases.json:
  name, file
  error    a piece of the message when the layer must be refused; null when it must be unpacked
  checks   [what, path, argument...] about the unpacked tree; a path may be "hex:<bytes>"
  notices  pieces of notices that must be given
  limit    max_unpacked_bytes, 0 for the default
  modes    id maps for which the case holds: "single", "range"
"""
import gzip
import hashlib
import json
import lzma
import os
import struct
import subprocess
import sys

BLOCK = 512
END = bytes(2 * BLOCK)


def number(value, width):
    """An octal field, or GNU's base 256 where octal has no room."""
    if 0 <= value < 8 ** (width - 1):
        return b"%0*o\0" % (width - 1, value)
    return (b"\x80" if value >= 0 else b"\xff") + value.to_bytes(width - 1, "big", signed=value < 0)


def header(name, kind=b"0", size=0, mode=0o644, uid=0, gid=0, mtime=1_600_000_000, link=b"",
           major=0, minor=0, prefix=b"", magic=b"ustar\x0000", size_field=None, bad_sum=False):
    name = name.encode() if isinstance(name, str) else name
    link = link.encode() if isinstance(link, str) else link
    assert len(name) <= 100 and len(link) <= 100 and len(prefix) <= 155, name
    block = bytearray(
        name.ljust(100, b"\0") + number(mode, 8) + number(uid, 8) + number(gid, 8) +
        (size_field or number(size, 12)) + number(mtime, 12) + b" " * 8 + kind +
        link.ljust(100, b"\0") + magic + bytes(64) + number(major, 8) + number(minor, 8) +
        prefix.ljust(155, b"\0"))
    block = block.ljust(BLOCK, b"\0")
    block[148:156] = b"%06o\0 " % (sum(block) + (1 if bad_sum else 0))
    return bytes(block)


def padded(data):
    return data + bytes(-len(data) % BLOCK)


def pax_record(key, value):
    value = value.encode() if isinstance(value, str) else value
    body = b" " + key.encode() + b"=" + value + b"\n"
    length = len(body)
    while length != len(str(length)) + len(body):
        length = len(str(length)) + len(body)
    return str(length).encode() + body


def pax(records, **extra):
    data = b"".join(pax_record(k, v) for k, v in records)
    return header("PaxHeaders/x", b"x", len(data), **extra) + padded(data)


def raw_pax(data):
    return header("PaxHeaders/x", b"x", len(data)) + padded(data)


def long_name(kind, text):
    text = text.encode() if isinstance(text, str) else text
    data = text + b"\0"
    return header("././@LongLink", kind, len(data)) + padded(data)


def file(name, data=b"", **kw):
    data = data.encode() if isinstance(data, str) else data
    return header(name, b"0", len(data), **kw) + padded(data)


def folder(name, mode=0o755, **kw):
    return header(name, b"5", mode=mode, **kw)


def symlink(name, target, **kw):
    return header(name, b"2", link=target, mode=0o777, **kw)


def hardlink(name, target, **kw):
    return header(name, b"1", link=target, **kw)


def device(name, kind, major, minor):
    return header(name, kind, major=major, minor=minor)


def zstd(data, *options):
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, check=True,
                          stdout=subprocess.PIPE).stdout


class Cases:
    def __init__(self, folder_path):
        self.folder = folder_path
        self.list = []

    def add(self, name, *entries, error=None, checks=(), notices=(), limit=0,
            modes=("single", "range"), end=END, raw=None, suffix=".tar", pack=None):
        data = raw if raw is not None else b"".join(entries) + end
        plain = hashlib.sha256(data).hexdigest()
        if pack:
            data = pack(data)
        path = name + suffix
        with open(os.path.join(self.folder, path), "wb") as out:
            out.write(data)
        self.list.append({
            "name": name, "file": path, "error": error, "checks": [list(c) for c in checks],
            "notices": list(notices), "limit": limit, "modes": list(modes),
            "diff": plain if raw is None or pack else ""})

    def write(self):
        with open(os.path.join(self.folder, "cases.json"), "w") as out:
            json.dump(self.list, out, indent=1)


def escapes(c):
    c.add("U01-parent", file("../../canary", "evil"), error="bad path")
    c.add("U01-parent-deep", folder("a"), file("a/../../canary", "evil"), error="bad path")
    c.add("U01-absolute-parent", file("/../canary", "evil"), error="bad path")
    c.add("U01-pax-path", pax([("path", "../../canary")]), file("harmless", "evil"),
          error="bad path")
    c.add("U01-gnu-long-path", long_name(b"L", "x/" * 60 + "../" * 61 + "canary"),
          file("harmless", "evil"), error="bad path")
    c.add("U01-inside", folder("a"), file("a/../b", "fine"), checks=[("content", "b", "fine")])
    c.add("U02-absolute", file("/etc/passwd", "inside"),
          checks=[("content", "etc/passwd", "inside")])
    c.add("U03-link-to-root", symlink("a", "/"), file("a/tmp/canary", "in"),
          checks=[("content", "tmp/canary", "in"), ("link", "a", "/")])
    c.add("U03-link-to-absolute", symlink("a", "/tmp"), file("a/canary", "in"),
          checks=[("content", "tmp/canary", "in")])
    c.add("U04-link-upwards", symlink("a", "../../.."), file("a/x", "in"),
          checks=[("content", "x", "in")])
    c.add("U04-link-chain", symlink("a", "b/c"), symlink("b", ".."), file("a/x", "in"),
          checks=[("content", "c/x", "in")])
    c.add("U05-second-layer", file("a/x", "in"),
          checks=[("type", "a", "d"), ("content", "a/x", "in")])
    for i, name in enumerate([".", "./", "/", "a/.."]):
        c.add(f"U06-root-is-link-{i}", symlink(name, "/tmp"), error="bad root entry")
    c.add("U06-root-is-file", file("./", b""), checks=[("type", "", "d")])  # a name with / is a dir
    c.add("U06-root-hardlink", file("a", "x"), hardlink("./.", "a"), error="bad root entry")
    c.add("U07-absolute", hardlink("x", "/etc/shadow"), error="no such entry")
    c.add("U07-parent", hardlink("x", "../../x"), error="leaves the root")
    c.add("U07-over-link", symlink("s", "../../../etc/shadow"), hardlink("x", "s"),
          error="outside the root")
    c.add("U07-over-absolute-link", symlink("s", "/etc/shadow"), hardlink("x", "s"),
          error="outside the root")
    c.add("U07-through-dir-link", symlink("d", "/etc"), hardlink("x", "d/shadow"),
          error="no such entry")
    c.add("U07-to-directory", folder("d"), hardlink("x", "d"), error="directory")
    c.add("U08-missing", hardlink("x", "nothing"), error="no such entry")
    c.add("U08-later", hardlink("x", "y"), file("y", "late"), error="no such entry")
    c.add("U08-good", file("y", "one"), hardlink("d/x", "y"), hardlink("z", "/y"),
          checks=[("content", "d/x", "one"), ("same", "d/x", "y"), ("same", "z", "y")])
    c.add("U08-link-to-inner-link", file("y", "one"), symlink("s", "y"), hardlink("t", "s"),
          checks=[("link", "t", "y"), ("same", "t", "s")])
    c.add("U08-itself", file("y", "one"), hardlink("y", "y"), checks=[("content", "y", "one")])


def whiteouts(c):
    for i, name in enumerate([".wh.", ".wh..", ".wh...", ".wh.../x", "d/.wh.", ".wh.a/b"]):
        c.add(f"U09-bad-{i}", file(name), error="bad whiteout")
    c.add("U10-parent-is-link-up", symlink("d", "../../.."), file("d/.wh.canary"),
          checks=[("mark", "canary")])
    c.add("U10-parent-is-root-link", symlink("d", "/"), file("d/.wh.etc"),
          checks=[("mark", "etc")])
    sib = [file("d/one", "1"), file("d/two", "2")]
    opq = file("d/.wh..wh..opq")
    kept = [("opaque", "d"), ("content", "d/one", "1"), ("content", "d/two", "2"),
            ("absent", "d/.wh..wh..opq")]
    c.add("U11-before", folder("d"), opq, *sib, checks=kept)
    c.add("U11-after", folder("d"), *sib, opq, checks=kept)
    c.add("U11-between", sib[0], opq, sib[1], checks=kept)
    c.add("U11-without-siblings", opq, checks=[("opaque", "d"), ("type", "d", "d")])
    c.add("U11-without-directory", file("a/b/.wh..wh..opq"), checks=[("opaque", "a/b"),
                                                                     ("not-opaque", "a")])
    c.add("U11-root", file("x", "1"), file(".wh..wh..opq"),
          checks=[("opaque", ""), ("content", "x", "1")])
    c.add("U11-sub", folder("d"), folder("d/e"), file("d/e/.wh..wh..opq"), file("d/e/f", "1"),
          checks=[("opaque", "d/e"), ("not-opaque", "d"), ("content", "d/e/f", "1")])
    c.add("U12-mark-last", file("f", "own"), file(".wh.f"), checks=[("content", "f", "own")])
    c.add("U12-mark-first", file(".wh.f"), file("f", "own"), checks=[("content", "f", "own")])
    c.add("U12-dir-mark-last", folder("d"), file("d/x", "own"), file(".wh.d"),
          checks=[("content", "d/x", "own"), ("opaque", "d")])
    c.add("U12-dir-mark-first", file(".wh.d"), folder("d"), file("d/x", "own"),
          checks=[("content", "d/x", "own"), ("opaque", "d")])
    c.add("U12-implied-dir-mark-first", file(".wh.d"), file("d/x", "own"),
          checks=[("content", "d/x", "own"), ("opaque", "d")])
    c.add("U12-link-mark-first", file(".wh.l"), symlink("l", "x"), checks=[("link", "l", "x")])
    c.add("U12-mark", file("d/.wh.gone"), checks=[("mark", "d/gone")])
    c.add("U12-mark-twice", file(".wh.x"), file(".wh.x"), checks=[("mark", "x")])
    c.add("U12-hardlink-to-mark", file(".wh.x"), hardlink("y", "x"), error="no such entry")
    c.add("U12-aufs", folder(".wh..wh.plnk"), file(".wh..wh.plnk/1.2", "x"), file(".wh..wh.aufs"),
          checks=[("empty", "")], notices=["aufs"])


def repeats(c):
    c.add("U13-file-dir", file("a", "1"), folder("a"), file("a/b", "2"),
          checks=[("content", "a/b", "2")])
    c.add("U13-dir-link-file", folder("a"), file("a/b", "1"), symlink("a", "/tmp"),
          file("a", "2"), checks=[("content", "a", "2"), ("absent", "tmp")])
    c.add("U13-link-file", symlink("a", "/etc/canary"), file("a", "2"),
          checks=[("content", "a", "2"), ("absent", "etc")])
    c.add("U13-link-dir", symlink("a", "b"), folder("b"), folder("a"), file("a/x", "1"),
          checks=[("type", "a", "d"), ("content", "a/x", "1"), ("absent", "b/x")])
    c.add("U13-file-file", file("a", "long content", mode=0o600), file("a", "2", mode=0o755),
          checks=[("content", "a", "2"), ("mode", "a", 0o755)])
    c.add("U13-dir-dir", folder("a", mode=0o700), file("a/b", "1"), folder("a", mode=0o751),
          checks=[("mode", "a", 0o751), ("content", "a/b", "1")])
    c.add("U13-dir-file-dir", folder("a"), folder("a/b"), file("a", ""), folder("a", mode=0o711),
          checks=[("mode", "a", 0o711), ("absent", "a/b")])
    c.add("U13-hardlink-over", file("a", "1"), file("b", "2"), hardlink("b", "a"),
          checks=[("content", "b", "1"), ("same", "a", "b")])
    c.add("U13-through-file", file("a", "1"), file("a/b", "2"), error="not a directory")


def types(c):
    c.add("U14-devices", device("dev/mem", b"3", 1, 1), device("dev/sda", b"4", 8, 0),
          file("x", "1"), checks=[("absent", "dev/mem"), ("absent", "dev/sda")],
          notices=['device nodes are left out: "dev/mem" (c 1:1) and 1 more'])
    c.add("U14-fifo", header("p", b"6", mode=0o620), file("p2", "x"),
          checks=[("type", "p", "p"), ("mode", "p", 0o620), ("content", "p2", "x")])
    c.add("U14-fifo-then-file", header("p", b"6"), file("p", "x"), checks=[("content", "p", "x")])
    c.add("U14-hardlink-to-fifo", header("p", b"6"), hardlink("q", "p"),
          checks=[("same", "p", "q")])
    c.add("U15-char-0-0", device("etc/passwd", b"3", 0, 0), checks=[("absent", "etc/passwd")],
          notices=["device nodes"])

    def xattr(name, value):
        return ("SCHILY.xattr." + name, value)
    c.add("U16-overlay",
          pax([xattr("user.overlay.redirect", "/../.."), xattr("user.overlay.opaque", "y"),
               xattr("trusted.overlay.opaque", "y"), xattr("user.kept", "1")]), folder("d"),
          pax([xattr("user.overlay.metacopy", ""), xattr("user.overlay.whiteout", "y"),
               xattr("user.kept", "2")]), file("d/f", "plain"),
          checks=[("no-xattr", "d", "user.overlay.redirect"),
                  ("no-xattr", "d", "user.overlay.opaque"),
                  ("no-xattr", "d", "trusted.overlay.opaque"),
                  ("no-xattr", "d/f", "user.overlay.metacopy"),
                  ("no-xattr", "d/f", "user.overlay.whiteout"),
                  ("xattr", "d", "user.kept", "1"), ("xattr", "d/f", "user.kept", "2"),
                  ("content", "d/f", "plain")],
          notices=["overlayfs"])
    c.add("U16-host", pax([xattr("trusted.x", "1"), xattr("security.selinux", "label"),
                           xattr("security.ima", "x"), xattr("system.y", "1")]), file("f", "1"),
          checks=[("no-xattr", "f", "security.selinux"), ("content", "f", "1")],
          notices=["attributes of the host"])
    v2 = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
    v3 = struct.pack("<IIIIII", 0x03000001, 1 << 10, 0, 0, 0, 4242)
    for name, value in (("v2", v2), ("v3", v3)):
        c.add("U17-" + name, pax([xattr("security.capability", value)]),
              file("ping", "x", mode=0o755), checks=[("capability", "ping", v2.hex())])
    c.add("U17-owned", pax([xattr("security.capability", v2)]),
          file("ping", "x", mode=0o755, uid=33, gid=33),
          checks=[("capability", "ping", v2.hex())])
    c.add("U17-bad", pax([xattr("security.capability", b"\1\2\3")]), file("ping", "x"),
          checks=[("no-xattr", "ping", "security.capability")], notices=["file capabilities"])
    c.add("U18-setuid", file("su", "x", mode=0o4755), file("wall", "x", mode=0o2755, gid=5),
          folder("tmp", mode=0o1777), folder("mail", mode=0o2775, gid=8), file("mail/x", ""),
          checks=[("mode", "su", 0o4755), ("mode", "wall", 0o2755), ("mode", "tmp", 0o1777),
                  ("mode", "mail", 0o2775), ("mode", "mail/x", 0o644)])


def owners(c):
    c.add("U19-in-map", file("a", "", uid=33, gid=34), folder("d", uid=1, gid=2),
          symlink("l", "a", uid=5, gid=6), modes=["range"],
          checks=[("owner", "a", 33, 34), ("owner", "d", 1, 2), ("owner", "l", 5, 6)])
    ids = [("2p31", 2 ** 31), ("2p32", 2 ** 32 - 1), ("70000", 70000), ("huge", 2 ** 33)]
    for name, value in ids:
        c.add("U19-" + name, file("a", "x", uid=value, gid=value, mode=0o6755),
              checks=[("recorded", f"{value} {value} a"), ("mode", "a", 0o755)],
              modes=["range"] if value != 70000 else [],
              notices=[f"({value}:{value})", "setuid and setgid bits"])
        c.add("U19-single-" + name, file("a", "x", uid=value, gid=value), modes=["single"],
              checks=[("recorded", f"{value} {value} a"), ("owner", "a", 0, 0)])
    c.add("U19-pax", pax([("uid", str(2 ** 31)), ("gid", "0")]), file("a", "x"), modes=["range"],
          checks=[("recorded", f"{2 ** 31} 0 a")], notices=["outside of the id map"])


def names(c):
    odd = b"new\nline \x1b[31mred\x07 \xff\xfe\x80"
    c.add("U20-bytes", file(odd, "1"), checks=[("content", "hex:" + odd.hex(), "1")])
    c.add("U20-pax-bytes", pax([("path", odd)]), file("x", "1"),
          checks=[("content", "hex:" + odd.hex(), "1")])
    utf8 = "äöü/日本語/ñ"
    c.add("U20-utf8", pax([("path", utf8)]), file("x", "1"),
          checks=[("content", "hex:" + utf8.encode().hex(), "1")])
    c.add("U20-pax-link-bytes", pax([("linkpath", odd)]), symlink("l", "x"),
          checks=[("link", "l", "hex:" + odd.hex())])
    c.add("U20-gnu-bytes", long_name(b"L", odd * 8), file("x", "1"),
          checks=[("content", "hex:" + (odd * 8).hex(), "1")])
    c.add("U20-255", long_name(b"L", "n" * 255), file("x", "1"),
          checks=[("content", "n" * 255, "1")])
    c.add("U20-256", long_name(b"L", "n" * 256), file("x", "1"), error="name too long")
    deep = "/".join(["d" * 100] * 50)
    c.add("U20-path-5000", pax([("path", deep + "/f")]), file("x", "1"),
          checks=[("content", deep + "/f", "1")])
    c.add("U20-evil-message", file(b"../\x1b[2Jx\n", "1"), error="\\x1b[2Jx\\x0a")
    c.add("U20-long-link", pax([("linkpath", "l" * 5000)]), symlink("s", "x"),
          error="name too long")


def lies(c):
    c.add("U21-size-negative", pax([("size", "-1")]), file("a", "abc"), error="")
    c.add("U21-size-2p63", pax([("size", str(2 ** 63))]), file("a", "abc"), error="")
    c.add("U21-size-larger", pax([("size", str(1 << 40))]), file("a", "abc"), error="")
    c.add("U21-header-size-negative", header("a", size_field=b"\xff" + b"\xff" * 11), error="")
    c.add("U21-header-size-2p62", header("a", size=2 ** 62), error="")
    c.add("U21-huge-record", header("x", b"x", size=1 << 30), bytes(4096), error="")
    big = pax_record("comment", "c" * (2 << 20))
    c.add("U21-big-record", header("x", b"x", len(big)), padded(big), file("a", "1"), error="")
    c.add("U21-record-length-lies", raw_pax(b"99999 path=x\n"), file("a", "1"), error="")
    c.add("U21-record-length-zero", raw_pax(b"0 path=x\n"), file("a", "1"), error="")
    c.add("U21-global-path", header("g", b"g", 11) + padded(b"11 path=../\n"[:11]),
          file("a", "1"), checks=[("content", "a", "1")])
    c.add("U21-huge-longname", header("././@LongLink", b"L", size=1 << 30), bytes(4096), error="")
    c.add("U22-pax-sparse-huge",
          pax([("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s"),
               ("GNU.sparse.realsize", str(2 ** 63 - 1))]),
          header("x", size=512), padded(b"1\n%d\n0\n" % (2 ** 63 - 1)), error="")
    c.add("U22-pax-sparse-overlap",
          pax([("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s"),
               ("GNU.sparse.realsize", "4096")]),
          header("x", size=512 + 1024), padded(b"2\n0\n512\n256\n512\n"), b"a" * 512, b"b" * 512,
          error="overlap")
    c.add("U22-pax-sparse-beyond",
          pax([("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s"),
               ("GNU.sparse.realsize", "100")]),
          header("x", size=512 + 512), padded(b"1\n4096\n512\n"), b"a" * 512, error="")
    c.add("U22-pax-sparse-1t",
          pax([("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "s"),
               ("GNU.sparse.realsize", str(1 << 40))]),
          header("x", size=512 + 512), padded(b"1\n%d\n512\n" % ((1 << 40) - 512)), b"a" * 512,
          checks=[("size", "s", 1 << 40), ("blocks-below", "s", 4096)])

    def gnu_sparse(size, real, pairs):
        block = bytearray(header("s", b"S", size, magic=b"ustar  \0"))
        spot = 386
        for offset, length in pairs:
            block[spot:spot + 24] = number(offset, 12) + number(length, 12)
            spot += 24
        block[482] = 0
        block[483:495] = number(real, 12)
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        return bytes(block)
    c.add("U22-gnu-sparse", gnu_sparse(512, 1 << 20, [(1 << 19, 512)]), b"z" * 512,
          checks=[("size", "s", 1 << 20), ("blocks-below", "s", 256)])
    c.add("U22-gnu-sparse-8e", gnu_sparse(512, 2 ** 63 - 1, [(2 ** 62, 512)]), b"z" * 512,
          error="")


def damage(c):
    whole = file("a", "abc") + file("b", b"x" * 2000) + END
    c.add("U23-truncated-data", raw=whole[:2500], error="")
    c.add("U23-truncated-header", raw=whole[:1200], error="")
    c.add("U23-bad-checksum", file("a", "1"), header("b", bad_sum=True), error="bad tar")
    c.add("U23-first-checksum", header("b", bad_sum=True), error="bad tar")
    c.add("U23-only-zeros", raw=bytes(10240), checks=[("empty", "")])
    c.add("U23-no-bytes", raw=b"", checks=[("empty", "")])
    c.add("U23-no-end-marker", file("a", "1"), end=b"", checks=[("content", "a", "1")])
    c.add("U23-after-end", file("a", "1"), end=END + b"garbage" * 1000,
          checks=[("content", "a", "1")])
    c.add("U23-not-a-tar", raw=b"this is no archive at all, " * 100, error="bad tar")
    c.add("U23-second-archive-behind", file("a", "1"), END, file("b", "2"),
          checks=[("content", "a", "1"), ("absent", "b")])

    small = file("a", "packed")
    good = [("content", "a", "packed")]
    c.add("U25-gzip", small, suffix=".tar.gz", pack=gzip.compress, checks=good)
    c.add("U25-zstd", small, suffix=".tar.zst", pack=zstd, checks=good)
    c.add("U25-xz", small, suffix=".tar.xz", pack=lzma.compress, checks=good)
    c.add("U25-plain", small, checks=good)
    c.add("U25-gzip-members", small, file("b", b"y" * 5000), suffix=".tar.gz",
          pack=lambda d: gzip.compress(d[:700]) + gzip.compress(d[700:]), checks=good)
    c.add("U25-zstd-frames", small, suffix=".tar.zst",
          pack=lambda d: zstd(d[:700]) + b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zstd(d[700:]),
          checks=good)
    c.add("U25-xz-streams", small, suffix=".tar.xz",
          pack=lambda d: lzma.compress(d[:700]) + lzma.compress(d[700:]), checks=good)
    for kind, pack in (("gzip", gzip.compress), ("zstd", zstd), ("xz", lzma.compress)):
        c.add(f"U23-{kind}-trailing", small, suffix=".bin", pack=lambda d: pack(d) + b"garbage!",
              error=kind)
        c.add(f"U23-{kind}-truncated", small, suffix=".bin", pack=lambda d: pack(d)[:-9],
              error=kind)
        c.add(f"U23-{kind}-flipped", small, file("b", os.urandom(3000)), suffix=".bin",
              pack=lambda d: flip(pack(d)), error="")
    c.add("U25-bzip2", raw=b"BZh91AY&SY" + bytes(100), error="bad tar")
    c.add("U25-gzip-in-gzip", small, suffix=".bin",
          pack=lambda d: gzip.compress(gzip.compress(d)), error="bad tar")


def flip(data):
    data = bytearray(data)
    data[len(data) * 2 // 3] ^= 0x10
    return bytes(data)


def bombs(c):
    zeros = gzip.compress(bytes(64 << 20), 9)
    bomb = gzip.compress(header("zeros", size=160 * (64 << 20))) + zeros * 160
    c.add("U24-gzip-10g", raw=bomb, suffix=".tar.gz", limit=256 << 20, error="unpacks to more than")
    # One frame whose window is 2 GiB: descriptor (31 - 10) << 3, one RLE block of 128 KiB, last.
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3])
    frame += struct.pack("<I", (131072 << 3) | (1 << 1) | 1)[:3] + b"\0"
    c.add("U24-zstd-window", raw=frame, suffix=".tar.zst", error="zstd")
    rle = struct.pack("<I", (131072 << 3) | (1 << 1))[:3] + b"\0"
    last = struct.pack("<I", (131072 << 3) | (1 << 1) | 1)[:3] + b"\0"
    frame = b"\x28\xb5\x2f\xfd\x00" + bytes([(23 - 10) << 3]) + rle * 79999 + last
    c.add("U24-zstd-10g", raw=zstd(header("zeros", size=80000 * 131072)) + frame,
          suffix=".tar.zst", limit=256 << 20, error="unpacks to more than")
    packed = lzma.compress(bytes(1 << 20), filters=[
        {"id": lzma.FILTER_LZMA2, "dict_size": 1 << 28, "mf": lzma.MF_HC3, "mode": lzma.MODE_FAST}])
    c.add("U24-xz-dictionary", raw=packed, suffix=".tar.xz", error="dictionary")
    c.add("U24-gzip-in-members", raw=gzip.compress(b"") * 20000 + gzip.compress(
        file("a", "1") + END), suffix=".tar.gz", checks=[("content", "a", "1")])


def shapes(c):
    c.add("U28-many", *[file(f"d/{i:05}") for i in range(20000)],
          checks=[("type", "d/19999", "f"), ("type", "d/00000", "f")])
    c.add("U29-mode-0000", folder("a", mode=0), file("a/b", "1", mode=0), folder("a/c", mode=0o555),
          file("a/c/d", "2", mode=0o400),
          checks=[("mode", "a", 0), ("mode", "a/b", 0), ("mode", "a/c", 0o555),
                  ("content", "a/c/d", "2"), ("mode", "a/c/d", 0o400)])
    c.add("U29-dir-last", file("a/b", "1"), folder("a", mode=0o555),
          checks=[("mode", "a", 0o555), ("content", "a/b", "1")])
    c.add("U30-negative", file("a", "", mtime=-1000000), checks=[("mtime", "a", -1000000)])
    c.add("U30-year-9999", file("a", "", mtime=253402300799), checks=[("type", "a", "f")])
    c.add("U30-huge", pax([("mtime", "9223372036854775807.999999999")]), file("a", ""),
          checks=[("type", "a", "f")])
    c.add("U30-hugest", pax([("mtime", "99999999999999999999999")]), file("a", ""),
          checks=[("type", "a", "f")])
    c.add("U30-nanoseconds", pax([("mtime", "1600000000.123456789")]), file("a", ""),
          pax([("mtime", "1600000001.5")]), folder("d"),
          checks=[("mtime", "a", 1600000000, 123456789), ("mtime", "d", 1600000001, 500000000)])
    c.add("U30-negative-fraction", pax([("mtime", "-5.25")]), file("a", ""),
          checks=[("type", "a", "f")])
    c.add("U31-chain", *[symlink(f"l{i}", f"l{i + 1}") for i in range(60)], folder("l60"),
          file("l0/x", "1"), error="symbolic links")
    c.add("U31-loop", symlink("a", "b"), symlink("b", "a"), file("a/x", "1"),
          error="symbolic links")
    c.add("U31-self", symlink("a", "a"), file("a/x", "1"), error="symbolic links")
    c.add("U31-short-chain", *[symlink(f"l{i}", f"l{i + 1}") for i in range(30)], folder("l30"),
          file("l0/x", "1"), checks=[("content", "l30/x", "1")])
    c.add("U32-depth-2000", pax([("path", "d/" * 2000 + "f")]), file("x", "1"),
          checks=[("content", "d/" * 2000 + "f", "1")])
    c.add("U32-depth-step-by-step",
          *[pax([("path", "d/" * i)]) + folder("x", mode=0o700) for i in range(1, 1001)],
          checks=[("type", "d/" * 1000, "d")])


def main():
    cases = Cases(sys.argv[1])
    for part in (escapes, whiteouts, repeats, types, owners, names, lies, damage, bombs, shapes):
        part(cases)
    cases.list = [case for case in cases.list if case["modes"]]
    cases.write()


if __name__ == "__main__":
    main()
