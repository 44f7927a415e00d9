#!/bin/bash
# The proportional set size of a container's network helpers, idle and with 1,000 connections. As root,
# since nobody else may look into them; the containers are the test user's.
#   SANDBOX_BIN=build/release-static/sandbox bash tests/bench/network_memory.sh range|plain
# Runs itself a second time by way of run.sh, which makes the containers and says what is ready.
set -eu
if [ -z "${SANDBOX_TESTS:-}" ]; then
    said=$(mktemp -d /var/tmp/sandbox-memory.XXXXXXXX)
    trap 'rm -rf -- "$said"' EXIT
    chmod 1777 "$said"
    sh "$(dirname "$0")/run.sh" "$1" network_memory.sh "$said" >"$said/log" 2>&1 &
    for count in 1 1000; do
        until [ -e "$said/ready.$count" ]; do
            sleep 0.1
            kill -0 $! 2>/dev/null || { cat "$said/log" && exit 1; }
        done
        total=0 each=
        for pid in $(<"$said/ready.$count"); do
            kib=$(awk '/^Pss:/ {print $2}' "/proc/$pid/smaps_rollup")
            total=$((total + kib))
            each="$each $(<"/proc/$pid/comm") $kib"
        done
        echo "with $count connections: $total KiB of proportional set size:$each"
        touch "$said/seen.$count"
    done
    wait
    exit
fi

said=$1 seconds=60
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/bench/network_peers.sh"
connect=$SANDBOX_TESTS/bench/network_connect.py
expect_ok sandbox pull -q "oci:$(image busybox)"
port=$(free_port)
python3 "$connect" --serve "$port" &
on_exit stop_pid $!
wait_until 10 nc -z 127.0.0.1 "$port"
for count in 1 1000; do
    expect_ok sandbox run -d --name "hold$count" --host-access "$port" -p "$(free_port):5201" "${binds[@]}" \
        localhost/busybox python3 "$connect" --hold 10.89.0.1 "$port" "$count" "$WORK/held.$count"
    wait_until 30 test -e "$WORK/held.$count" || fail "$count connections are not made"
    sleep 2 # until they rest
    pgrep -u "$(id -u)" -x 'sandbox-(net|make)' >"$WORK/pids"
    mv "$WORK/pids" "$said/ready.$count"
    wait_until 30 test -e "$said/seen.$count"
    expect_ok sandbox rm -f -t 0 "hold$count"
done
