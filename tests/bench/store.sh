#!/bin/bash
# store.sh SANDBOX WORKDIR [ROUNDS]: `sandbox images` and a look-up in a store with 1,000 images,
# beside `podman images` of an empty storage (PEERS="" leaves that out).
set -eu
sandbox=$1 work=$2 rounds=${3:-20}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d "$work/bench-store.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export XDG_DATA_HOME=$scratch/data XDG_RUNTIME_DIR=$scratch/run
mkdir -m 700 "$scratch/data" "$scratch/run"
"$sandbox" images >/dev/null
python3 - "$scratch/data/sandbox/images" <<'PYTHON'
import hashlib, os, sys
root = sys.argv[1]
for sub in ("refs", "ids"):
    os.makedirs(os.path.join(root, sub), mode=0o700, exist_ok=True)
for i in range(1000):
    hex_of = lambda what: hashlib.sha256(f"{what} {i}".encode()).hexdigest()
    name = f"docker.io/library/image{i}:1.{i}"
    lines = ["sandbox-image 1", "ref " + name, "id " + hex_of("id"), "manifest " + hex_of("m"),
             f"repo-digest docker.io/library/image{i}@sha256:" + hex_of("m"),
             "platform linux\tamd64\t", "created 1700000000", "size 123456789",
             "pulled 1700000001"]
    lines += [f"label org.opencontainers.image.label{n}\tsome value {n}" for n in range(4)]
    lines += [f"layer {hex_of(f'b{n}')}\t{hex_of(f'c{n}')}" for n in range(8)]
    with open(os.path.join(root, "refs", name.replace("/", "+")), "w") as out:
        out.write("\n".join(lines + ["end", ""]))
    with open(os.path.join(root, "ids", hex_of("id")), "w") as out:
        out.write(name.replace("/", "+") + "\n")
PYTHON
[ "$("$sandbox" images -q | wc -l)" = 1000 ]
id=$("$sandbox" images -q --no-trunc image500:1.500)
commands=("version=$sandbox --version" "images, 1000 of them=$sandbox images"
    "one by name=$sandbox images -q image500:1.500" "one by id=$sandbox image exists $id")
if [ "${PEERS-all}" = all ]; then
    mkdir "$scratch/podman"
    commands+=("podman images, none=podman --root $scratch/podman/r --runroot $scratch/podman/rr images")
fi
python3 "$here/measure.py" --rounds "$rounds" "${commands[@]}"
