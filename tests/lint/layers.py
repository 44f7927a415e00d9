#!/usr/bin/env python3
"""The layering rule. A file includes only its own room and doors of rooms of lower rank; siblings
are blind to each other; private headers never leave their room; a third-party header is included
only by the file that is named here, and never by a door."""
import pathlib
import re
import sys

RANK = {"cli": 7, "project": 6, "engine": 5, "image": 4, "registry": 3, "store": 3, "net": 3,
        "oci": 2, "kernel": 2, "base": 1}
# Header (start of its name) to the one file that may include it.
THIRD_PARTY = {
    "CLI/": "cli/app.cpp",
    "toml++/": "base/toml.cpp",
    "nlohmann/": "base/json.cpp",
    "openssl/": "base/sha256.cpp",
    "isa-l/": "image/codec_gzip.cpp",
    "zlib.h": "image/codec_zlib.cpp",
    "zstd.h": "image/codec_zstd.cpp",
    "lzma.h": "image/codec_xz.cpp",
    "curl/": "registry/curl_transport.cpp",
    "seccomp.h": "kernel/seccomp.cpp",
    "yaml-cpp/": "project/compose_yaml.cpp",
}
# What <…> may be besides: the C++ library, and headers of libc and the kernel.
SYSTEM = re.compile(r"^([a-z_0-9]+|(sys|linux|net|netinet|arpa|asm|bits)/[a-z_0-9/]+\.h|[a-z_0-9]+\.h)$")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def complaint(root, file, mark, name):
    parts = file.relative_to(root).parts
    is_door = parts[0] == "include"
    room = parts[2] if is_door else parts[1]
    if room not in RANK:
        return None if parts == ("src", "main.cpp") else f'no such room "{room}"'
    if mark == "<":
        for start, only in THIRD_PARTY.items():
            if name.startswith(start) and (is_door or "/".join(parts[1:]) != only):
                return f"<{name}> belongs to src/{only} alone"
            if name.startswith(start):
                return None
        return None if SYSTEM.match(name) else f"unknown third-party header <{name}>"
    words = name.split("/")
    if words[0] == "sandbox":
        if len(words) != 3 or not (root / "include" / name).is_file():
            return f'no such door "{name}"'
        if words[1] != room and RANK[words[1]] >= RANK[room]:
            return f'"{name}": {room} (rank {RANK[room]}) must not know {words[1]}'
        return None
    if is_door:
        return f'a door includes doors only, not "{name}"'
    # A private header: by its path below src/, below src/<room>/, or beside the file.
    for place in (root / "src" / name, root / "src" / room / name, file.parent / name):
        if place.is_file():
            if place.resolve().relative_to((root / "src").resolve()).parts[0] != room:
                return f'"{name}" is private to another room'
            return None
    return f'"{name}" does not exist'


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    bad = 0
    for file in sorted([*root.glob("src/**/*.[ch]pp"), *root.glob("include/**/*.[ch]pp")]):
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            found = match and complaint(root, file, *match.groups())
            if found:
                print(f"{file.relative_to(root)}:{number}: {found}")
                bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
