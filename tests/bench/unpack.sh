#!/bin/sh
# unpack.sh DRIVER LAYOUT WORKDIR [ROUNDS]: LayerUnpack beside the floor (igzip | tar, layers in
# parallel), both from local blobs into WORKDIR, taking turns. Prints seconds: wall, CPU.
set -eu
driver=$1 layout=$2 work=$3 rounds=${4:-5}
blobs=$(find "$layout/blobs/sha256" -type f -size +1M | sort)
[ -n "$blobs" ] || { echo "no layers in $layout" >&2; exit 1; }
times=$(mktemp -d)
trap 'rm -rf "$times" "$work/bench-unpack"' EXIT

floor() {
    i=0
    for blob in $blobs; do
        mkdir -p "$work/bench-unpack/$i"
        igzip -dc <"$blob" | tar -x -C "$work/bench-unpack/$i" &
        i=$((i + 1))
    done
    wait
}
ours() {
    # shellcheck disable=SC2086 # a list of blobs
    "$driver" "$1" "$work/bench-unpack" $blobs >"$times/out"
}
measure() {
    rm -rf "$work/bench-unpack"
    mkdir "$work/bench-unpack"
    sync -f "$work"
    label=$1
    shift
    python3 - "$times/$label" "$@" <<'PYTHON'
import os, resource, subprocess, sys, time
begin = time.monotonic()
subprocess.run(["/bin/sh", "-c", sys.argv[2]], check=True)
wall = time.monotonic() - begin
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "a") as out:
    print(f"{wall:.3f} {usage.ru_utime + usage.ru_stime:.3f}", file=out)
PYTHON
}

if [ "${UNPACK_BENCH_STEP:-}" ]; then
    "$UNPACK_BENCH_STEP" "$5"
    exit
fi
export UNPACK_BENCH_STEP
for _ in $(seq "$rounds"); do
    for step in floor:- ours:single ours:range; do
        kind=${step%%:*} mode=${step##*:}
        if [ "$kind" = floor ]; then label=floor; else label="ours-$mode"; fi
        UNPACK_BENCH_STEP=
        measure "$label" "trap '' EXIT; UNPACK_BENCH_STEP=$kind sh '$0' '$driver' '$layout' '$work' 1 $mode"
    done
done
for label in floor ours-single ours-range; do
    awk -v label="$label" '{ wall[NR] = $1; cpu[NR] = $2 } END {
        n = asort(wall); asort(cpu); m = int((n + 1) / 2)
        printf "%-12s wall %.2f (%.2f-%.2f) cpu %.2f\n", label, wall[m], wall[1], wall[n], cpu[m] }' \
        "$times/$label" 2>/dev/null ||
        sort -n "$times/$label" | awk -v label="$label" '{ line[NR] = $0 } END {
            print label, "wall and cpu, median:", line[int((NR + 1) / 2)] }'
done
