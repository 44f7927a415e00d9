#!/bin/sh
# unpack.sh DRIVER LAYOUT WORKDIR [ROUNDS]: LayerUnpack (bench_unpack_layers) beside the floor, which
# is igzip | tar, layers in parallel; all from local blobs. LAYOUT by make_image.py. Then the time
# of one layer against the number of its files, 1 k to 1 M (COUNTS="…" for others).
set -eu
driver=$1 layout=$2 work=$3 rounds=${4:-5}
here=$(cd "$(dirname "$0")" && pwd)
target=$work/bench-unpack
many=$work/bench-many
trap 'rm -rf "$target" "$many"' EXIT
blobs=$(find "$layout/blobs/sha256" -type f -size +1M | sort | tr '\n' ' ')
floor="i=0; for b in $blobs; do mkdir $target/\$i; igzip -dc <\$b | tar -x -C $target/\$i &
    i=\$((i + 1)); done; wait"
python3 "$here/measure.py" --rounds "$rounds" --before "rm -rf $target; mkdir $target" \
    "floor=$floor" "single id=$driver single $target $blobs" "id range=$driver range $target $blobs"

mkdir -p "$many"
for count in ${COUNTS:-1000 10000 100000 1000000}; do
    python3 - "$count" "$many/$count.tar.gz" <<'PYTHON'
import io, sys, tarfile
count = int(sys.argv[1])
with tarfile.open(sys.argv[2], "w:gz", compresslevel=1, format=tarfile.USTAR_FORMAT) as tar:
    for i in range(count):
        info = tarfile.TarInfo(f"d{i // 1000}/f{i % 1000}")
        info.size = 100
        tar.addfile(info, io.BytesIO(b"%0100d" % i))
PYTHON
    python3 "$here/measure.py" --rounds 3 --before "rm -rf $target; mkdir $target" \
        "tar, $count files=igzip -dc <$many/$count.tar.gz | tar -x -C $target" \
        "ours=$driver single $target $many/$count.tar.gz" | sed -n '2,3p'
    rm "$many/$count.tar.gz"
done
