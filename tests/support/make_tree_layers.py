#!/usr/bin/env python3
"""make_tree_layers.py DIR --layers N --files N --mbytes N: writes DIR/layer1.tar and so on: trees
like those of installed systems (many small files, few large ones), the same bytes on each run."""
import argparse
import io
import os
import random
import tarfile

WORDS = ("return static const int struct include define kernel module value error string list "
         "size offset buffer length index number where while which there these other about").split()


def make_pool(chance):
    """4 MiB, half text-like and half random-like, in alternation: gzip halves it, roughly."""
    parts = []
    for _ in range(512):
        text = " ".join(chance.choices(WORDS, k=900)).encode()[:4096].ljust(4096)
        parts += [text, chance.randbytes(4096)]
    return b"".join(parts)


def write_layer(path, number, files, size_bytes, chance, pool):
    weights = [chance.paretovariate(1.1) for _ in range(files)]
    scale = size_bytes / sum(weights)
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for i, weight in enumerate(weights):
            if i % 40 == 0:
                info = tarfile.TarInfo(f"data{number}/d{i // 2000}/e{i // 40}")
                info.type, info.mode, info.mtime = tarfile.DIRTYPE, 0o755, 1700000000
                tar.addfile(info)
            size = min(int(weight * scale), 64 << 20)
            start = chance.randrange(0, len(pool) - 8192)
            data = (pool[start:] + pool * (size // len(pool) + 1))[:size]
            info = tarfile.TarInfo(f"data{number}/d{i // 2000}/e{i // 40}/file{i}.bin")
            info.size, info.mode, info.mtime = size, 0o644, 1700000000 + i
            tar.addfile(info, io.BytesIO(data))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir")
    for name in ("layers", "files", "mbytes"):
        parser.add_argument("--" + name, type=int, required=True)
    args = parser.parse_args()
    chance = random.Random(1)
    pool = make_pool(chance)
    for number in range(1, args.layers + 1):
        write_layer(os.path.join(args.dir, f"layer{number}.tar"), number,
                    args.files // args.layers, (args.mbytes << 20) // args.layers, chance, pool)


if __name__ == "__main__":
    main()
