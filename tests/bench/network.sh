#!/bin/bash
# network.sh BUILD_DIR [ROUNDS]: the gateway beside loopback, slirp4netns and pasta, all in one run:
# bulk TCP out and in (iperf3), connections a second, time of a connection, memory of the helper.
# Prints a table of medians. Peers that are not installed are left out, and that is said.
set -eu
program=$1/bench_network rounds=${2:-3} seconds=3
work=$(mktemp -d)
pids=()
trap 'for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || :; done; rm -rf -- "$work"' EXIT
need() { command -v "$1" >/dev/null || { echo "network.sh needs $1" >&2; exit 77; }; }
need iperf3
need python3
has() { command -v "$1" >/dev/null || { echo "left out: $1 is not installed" >&2; false; }; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
gbit() { python3 -c 'import json, sys; print(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e9)'; }
median() { sort -n | awk '{v[NR] = $1} END {if (NR) printf "%.2f", v[int((NR + 1) / 2)]; else printf "-"}'; }

port=$(free_port)
iperf3 -s -B 127.0.0.1 -p "$port" >/dev/null 2>&1 &
pids+=($!)
sleep 0.5
client() { iperf3 -c "$1" -p "$port" -t "$seconds" -J "${@:2}"; }
export -f client
export port seconds

loopback() { client 127.0.0.1 "$@" | gbit; }
sandbox() { timeout $((seconds + 10)) "$program" -H "$port" -- iperf3 -c 10.89.0.1 -p "$port" -t "$seconds" -J "$@" 2>/dev/null | gbit; }
slirp() {
    # shellcheck disable=SC2016 # the inner shell expands it
    unshare -Urn bash -c 'echo $$ >"$0/slirp.pid"; until [ -e "$0/slirp.up" ]; do sleep 0.05; done
        exec timeout $((seconds + 10)) iperf3 -c 10.0.2.2 -p "$port" -t "$seconds" -J "$@"' "$work" "$@" >"$work/slirp.json" &
    local inner=$!
    until [ -s "$work/slirp.pid" ]; do sleep 0.05; done
    slirp4netns --configure --mtu=65520 "$(cat "$work/slirp.pid")" tap0 >/dev/null 2>&1 &
    local peer=$!
    sleep 0.7
    : >"$work/slirp.up"
    wait "$inner"
    kill "$peer" 2>/dev/null || :
    wait "$peer" 2>/dev/null || :
    rm -f "$work/slirp.pid" "$work/slirp.up"
    gbit <"$work/slirp.json" 2>/dev/null
}
pasta_tap() {
    timeout $((seconds + 10)) pasta -q --config-net -a 10.0.2.15 -n 24 -g 10.0.2.2 -- \
        iperf3 -c 10.0.2.2 -p "$port" -t "$seconds" -J "$@" 2>/dev/null | gbit 2>/dev/null
}

peers=(loopback sandbox)
if has slirp4netns; then peers+=(slirp); fi
if has pasta; then peers+=(pasta_tap); fi
for round in $(seq "$rounds"); do
    for peer in "${peers[@]}"; do
        "$peer" >>"$work/$peer.out" || echo "$peer failed in round $round" >&2
        "$peer" -R >>"$work/$peer.in" || echo "$peer -R failed in round $round" >&2
    done
done
printf '%-12s %12s %12s\n' "Gbit/s" upload download
for peer in "${peers[@]}"; do
    printf '%-12s %12s %12s\n' "$peer" "$(median <"$work/$peer.out")" "$(median <"$work/$peer.in")"
done

# Connections, one after the other: connect, one byte each way, close.
cat >"$work/connect.py" <<'P'
import socket, sys, time
host, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
times = []
for _ in range(count):
    start = time.perf_counter()
    s = socket.create_connection((host, port))
    times.append(time.perf_counter() - start)
    s.sendall(b"x")
    s.recv(1)
    s.close()
times.sort()
print(f"{times[len(times) // 2] * 1e6:.0f} us median connect, {times[int(len(times) * .99)] * 1e6:.0f} us p99")
P
cat >"$work/echo.py" <<'P'
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
held = []
while True:
    client, _ = listener.accept()
    data = client.recv(1)
    client.sendall(b"y")
    if data == b"h":
        held.append(client)
    else:
        client.close()
P
echo_port=$(free_port)
python3 "$work/echo.py" "$echo_port" &
pids+=($!)
sleep 0.5
printf 'loopback:  '; python3 "$work/connect.py" 127.0.0.1 "$echo_port" 2000
printf 'sandbox:   '; "$program" -H "$echo_port" -- python3 "$work/connect.py" 10.89.0.1 "$echo_port" 2000 2>/dev/null

# Proportional set size of the two helper processes, idle and with 1,000 connections.
cat >"$work/hold.py" <<'P'
import os, socket, sys, time
held = []
for _ in range(int(sys.argv[3])):
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    s.sendall(b"h")
    s.recv(1)
    held.append(s)
open(sys.argv[4], "w").write("x")
time.sleep(4)
P
for count in 0 1000; do
    rm -f "$work/held"
    # Both helpers are the program's children; the command is the third.
    "$program" -H "$echo_port" -- python3 "$work/hold.py" 10.89.0.1 "$echo_port" "$count" "$work/held" 2>"$work/pid" &
    holder=$!
    for _ in $(seq 200); do [ -e "$work/held" ] && break; sleep 0.1; done
    helper=$(awk '/^helper/ {print $2}' "$work/pid")
    maker=$((helper - 1))
    total=0
    for pid in "$helper" "$maker"; do
        kb=$(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup" 2>/dev/null || echo 0)
        total=$((total + ${kb:-0}))
    done
    echo "helpers with $count connections: $total KiB proportional set size"
    wait "$holder" || :
done
