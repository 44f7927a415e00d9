#!/bin/bash
# Bulk TCP from one container to another on a named network, beside two namespaces on a bare bridge
# with a veth pair each, and plain loopback; in turn, in one run. Medians, and ratios to the bridge.
# "bridge" has links of 1,500 bytes, as they come; "wide bridge" of 65,535, as sandbox makes them.
#   SANDBOX_BIN=build/release-static/sandbox sh tests/bench/run.sh range|plain network_services.sh [ROUNDS [SECONDS]]
# iperf3 is the host's own in all rows: containers see it through read-only binds of /usr and /lib.
. "$SANDBOX_TESTS/support/lib.sh"
rounds=${1:-5} seconds=${2:-3}

for program in iperf3 ip unshare nsenter; do
    command -v "$program" >/dev/null || skip "network_services.sh needs $program"
done
gbit() { python3 -c 'import json, sys; print(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e9)'; }

# One process holds the bridge's namespace, two more the ends.
# shellcheck disable=SC2016 # the inner shell expands it
hold() { unshare "$@" sh -c 'echo $$ >"$0"; exec sleep 1000' "$WORK/pid" & }
held_pid() {
    wait_until 10 test -s "$WORK/pid"
    cat "$WORK/pid"
    rm "$WORK/pid"
}
hold -Urn
middle=$(held_pid)
on_exit kill "$middle"
inside() { nsenter -U --preserve-credentials -n -t "$@"; }
inside "$middle" ip link add name bridge0 type bridge
inside "$middle" ip link set bridge0 up
ends=()
for number in 1 2; do
    # shellcheck disable=SC2016
    inside "$middle" unshare -n sh -c 'echo $$ >"$0"; exec sleep 1000' "$WORK/pid" &
    end=$(held_pid)
    on_exit kill "$end"
    inside "$middle" ip link add "v$number" type veth peer name eth0 netns "$end"
    inside "$middle" ip link set "v$number" master bridge0 up
    inside "$end" ip address add "10.99.0.$number/24" dev eth0
    inside "$end" ip link set eth0 up
    inside "$end" ip link set lo up
    ends+=("$end")
done

expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox network create bench
on_exit sandbox network rm bench
binds=(-v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro)
for name in server client; do
    expect_ok sandbox run -d --name "$name" --network bench "${binds[@]}" localhost/busybox sleep 1000
    on_exit sandbox rm -f "$name"
done

serve() { "$@" iperf3 -s -1 -p 5201 >/dev/null 2>&1 & }
measure() { # ROW ADDRESS COMMAND…
    local row=$1 address=$2
    shift 2
    sleep 0.7 # the server listens; a probe would be the one connection that it takes
    "$@" iperf3 -c "$address" -p 5201 -t "$seconds" -J | gbit >>"$WORK/$row"
    wait "$server"
}
set_mtu() { # BYTES
    for number in 1 2; do
        inside "$middle" ip link set "v$number" mtu "$1"
        inside "${ends[number - 1]}" ip link set eth0 mtu "$1"
    done
}
echo "$rounds rounds of $seconds s, $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg)"
for ((round = 0; round < rounds; round++)); do
    for row in bridge wide; do
        set_mtu "$([ $row = wide ] && echo 65535 || echo 1500)"
        serve inside "${ends[0]}"
        server=$!
        measure $row 10.99.0.1 inside "${ends[1]}"
    done
    serve sandbox exec server
    server=$!
    measure services server sandbox exec client
    serve
    server=$!
    measure loopback 127.0.0.1
done
median() { sort -n "$WORK/$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
for row in bridge wide services loopback; do
    awk -v name="${row/wide/wide bridge}" -v rate="$(median "$row")" -v base="$(median bridge)" \
        'BEGIN {printf "%-12s %6.2f Gbit/s  %.2f x bridge\n", name, rate, rate / base}'
done
assertions=1
