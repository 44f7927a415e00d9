#!/bin/bash
# A container beside loopback and other ways out of a network namespace, all in one run and in turn:
# bulk TCP out and in (iperf3), requests (wrk against nginx), the time of a connection,
# what a private network adds to a launch. Medians, and ratios to loopback.
#   SANDBOX_BIN=build/release-static/sandbox sh tests/bench/run.sh plain network.sh [ROUNDS [SECONDS]]
# Peers that are not installed are left out, and that is said. network_peers.sh has how each is run.
# On a busy machine: chrt -r 1 sh tests/bench/run.sh …
. "$SANDBOX_TESTS/support/lib.sh"
rounds=${1:-3} seconds=${2:-3}
. "$SANDBOX_TESTS/bench/network_peers.sh"

for program in iperf3 python3 wrk nginx; do
    command -v "$program" >/dev/null || skip "network.sh needs $program"
done

gbit() { python3 -c 'import json, sys; print(json.load(sys.stdin)["end"]["sum_received"]["bits_per_second"] / 1e9)'; }
median() { sort -n | awk '{v[NR] = $1} END {if (NR) printf "%.2f", v[int((NR + 1) / 2)]; else printf "-"}'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN {if (a > 0 && b > 0) printf "%.2f", a / b; else printf "-"}'; }

# table TITLE UNIT COLUMNS… : from files $WORK/ROW.COLUMN, one number a line; the first row is the base.
table() {
    local title=$1 row column base value
    shift
    printf '\n%s\n%-14s' "$title" ""
    printf ' %16s %6s' $(for column in "$@"; do echo "$column" x; done)
    echo
    for row in "${rows[@]}"; do
        printf '%-14s' "$row"
        for column in "$@"; do
            base=$(median <"$WORK/${rows[0]}.$column")
            value=$(median <"$WORK/$row.$column" 2>/dev/null || echo -)
            printf ' %16s %6s' "$value" "$(ratio "$value" "$base")"
        done
        echo
    done
}
note() { # ROW COLUMN VALUE: a number, or it has failed and that is said
    if [[ ${3:-} =~ ^[0-9.]+$ ]]; then echo "$3" >>"$WORK/$1.$2"; else echo "$1 failed: $2" >&2; fi
    touch "$WORK/$1.$2"
}

expect_ok sandbox pull -q "oci:$(image busybox)"
expect_eq 10.89.0.1 "$(sandbox run localhost/busybox ip route | awk '/^default/ {print $3}')"
echo "$rounds rounds of $seconds s, $(nproc) processors, load $(cut -d' ' -f1 /proc/loadavg)"

# --- out of the namespace -----------------------------------------------------------------------
port=$(free_port)
iperf3 -s -B 127.0.0.1 -p "$port" >/dev/null 2>&1 &
on_exit stop_pid $!
wait_until 10 nc -z 127.0.0.1 "$port"
sleep 0.5 # the server has done with that
rows=(loopback sandbox)
for peer in slirp4netns pasta; do has "$peer" && rows+=("$peer"); done
for ((round = 0; round < rounds; round++)); do
    for row in "${rows[@]}"; do
        note "$row" upload "$("out_$row" "$port" iperf3 -c ADDRESS -p "$port" -t "$seconds" -J | gbit 2>/dev/null)"
        note "$row" download "$("out_$row" "$port" iperf3 -c ADDRESS -p "$port" -t "$seconds" -J -R | gbit 2>/dev/null)"
    done
done
table "outbound, Gbit/s" upload download

# --- into it, through a published port -----------------------------------------------------------
rows=(loopback sandbox)
for peer in rootlesskit pasta; do has "$peer" && rows+=("$peer"); done
for ((round = 0; round < rounds; round++)); do
    for row in "${rows[@]}"; do
        for way in in_upload in_download; do
            port=$(free_port)
            "in_$row" "$port" iperf3 -s -1 -p 5201 >/dev/null 2>&1 &
            server=$!
            sleep 1
            flags=()
            [ "$way" = in_upload ] || flags=(-R)
            note "$row" "$way" "$(timeout $((seconds + 10)) iperf3 -c 127.0.0.1 -p "$port" -t "$seconds" -J "${flags[@]}" | gbit 2>/dev/null)"
            stop_tree "$server"
        done
    done
done
table "inbound, Gbit/s" in_upload in_download

# --- requests ------------------------------------------------------------------------------------
write_nginx_conf
for ((round = 0; round < rounds; round++)); do
    for row in "${rows[@]}"; do
        port=$(free_port)
        "in_$row" "$port" "$(command -v nginx)" -e stderr -c "$WORK/nginx.conf" >/dev/null 2>&1 &
        server=$!
        wait_until 10 curl -sf -o /dev/null "http://127.0.0.1:$port/" || echo "$row: no nginx" >&2
        for kind in requests said connections; do
            header="X: y" path=/
            [ "$kind" != connections ] || header="Connection: close"
            [ "$kind" != said ] || path=/said
            wrk -t1 -c64 -d"$seconds" --latency -H "$header" "http://127.0.0.1:$port$path" >"$WORK/wrk" 2>&1
            note "$row" "$kind" "$(awk '/^Requests\/sec/ {print $2}' "$WORK/wrk")"
            note "$row" "$kind-p99" "$(awk '/^ +99%/ {v = $2; f = v ~ /us$/ ? 1 : v ~ /ms$/ ? 1000 : 1000000; print v * f}' "$WORK/wrk")"
            grep -E 'Socket errors|Non-2xx' "$WORK/wrk" | sed "s/^/$row, $kind:/" >&2
        done
        stop_tree "$server"
    done
done
table "wrk against nginx, 64 clients: requests/s, of no file, new connections/s, p99 in us" \
    requests requests-p99 said said-p99 connections connections-p99

# --- one connection at a time --------------------------------------------------------------------
port=$(free_port)
python3 "$SANDBOX_TESTS/bench/network_connect.py" --serve "$port" &
on_exit stop_pid $!
wait_until 10 nc -z 127.0.0.1 "$port"
rows=(loopback sandbox)
for ((round = 0; round < rounds; round++)); do
    for row in "${rows[@]}"; do
        read -r middle late _ <<<"$("out_$row" "$port" python3 "$SANDBOX_TESTS/bench/network_connect.py" ADDRESS "$port" 1000)"
        note "$row" connect-us "$middle"
        note "$row" p99-us "$late"
        inside=$(free_port)
        "in_$row" "$inside" python3 "$SANDBOX_TESTS/bench/network_connect.py" --serve 5201 >/dev/null 2>&1 &
        server=$!
        wait_until 10 nc -z 127.0.0.1 "$inside"
        sleep 0.3
        read -r _ _ middle late <<<"$(python3 "$SANDBOX_TESTS/bench/network_connect.py" 127.0.0.1 "$inside" 1000)"
        note "$row" in-answer-us "$middle"
        note "$row" in-p99-us "$late"
        stop_tree "$server"
    done
done
table "a connection: time of connect(), outbound; until the first answer, inbound" connect-us p99-us \
    in-answer-us in-p99-us

# --- a launch ------------------------------------------------------------------------------------
cc -O2 -static -o "$WORK/time_many" "$SANDBOX_TESTS/bench/time_many.c" || exit 1
echo
echo "launch of true, ms: median, p10, p90"
"$WORK/time_many" $((rounds * 20)) -- "$SANDBOX_BIN" run --network none localhost/busybox true \
    -- "$SANDBOX_BIN" run --network private localhost/busybox true </dev/null |
    awk '{printf "%-16s %6.2f %6.2f %6.2f\n", NR == 1 ? "--network none" : "--network private", $1 / 1000, $2 / 1000, $3 / 1000}'

# Nobody but root may look into the helpers: network_memory.sh has their memory.
assertions=1
