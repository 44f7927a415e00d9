#!/bin/bash
# network_memory.sh BUILD_DIR: the proportional set size of the helper and the maker of sockets, idle and
# with connections. As root, since nobody else may look into them.
set -eu
program=$1/bench_network
connect=$(cd "$(dirname "$0")" && pwd)/network_connect.py
work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null || :; done; rm -rf -- "$work"' EXIT
port=$((20000 + RANDOM % 20000)) published=$((40000 + RANDOM % 10000))
python3 "$connect" --serve $port &
pids+=($!)
until python3 "$connect" 127.0.0.1 $port 1 >/dev/null 2>&1; do sleep 0.1; done
for count in 1 1000; do
    rm -f "$work/held"
    "$program" -H $port -p "127.0.0.1:$((published + count)):5201" -- \
        python3 "$connect" --hold 10.89.0.1 $port $count "$work/held" 2>"$work/pid" &
    holder=$!
    pids+=("$holder")
    until [ -e "$work/held" ]; do sleep 0.1; done
    sleep 0.5
    total=0 each=
    for pid in $(pgrep -P "$holder" -x 'sandbox-(net|make)'); do
        kib=$(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup")
        total=$((total + kib))
        each="$each $(<"/proc/$pid/comm") $kib"
    done
    echo "with $count connections: $total KiB of proportional set size:$each"
    kill -9 "$holder"
    wait "$holder" 2>/dev/null || :
done
