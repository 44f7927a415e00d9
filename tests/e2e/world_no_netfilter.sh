#!/bin/bash
# users: plain
# Where the kernel lacks a part that networks need: what doctor says, and what a run does. Only for the
# user without a range: the shim sets no_new_privs, which disarms newuidmap.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok cc -O1 -o "$WORK/without" "$SANDBOX_TESTS/support/without_sockets.c"
expect_ok sandbox pull -q "oci:$(image busybox)"
image=localhost/busybox

# Families and protocols of <sys/socket.h> and <linux/netlink.h>.
while read -r sockets row module; do
    world=("$WORK/without" "$sockets" "$SANDBOX_BIN")
    test_case "without $row ($sockets) doctor names the module, and the whole is no"
    expect_ok "${world[@]}" doctor
    expect_match "${row//_/ } +no " "$OUT"
    expect_match "cure: sudo modprobe -a[a-z_ ]* $module" "$OUT"
    expect_match 'private network +no ' "$OUT"
    expect_match 'verdict: containers run here' "$OUT"

    test_case "who asked for no network gets his loopback and one warning; who did, one line"
    expect_ok "${world[@]}" run $image ls /sys/class/net
    expect_eq lo "$OUT"
    expect_eq 1 "$(wc -l <<<"$ERR")" "lines of the warning"
    expect_match 'no network but its loopback' "$ERR"
    expect_error 125 'network' "${world[@]}" run --network private $image true
    expect_error 125 'network' "${world[@]}" run -p 80 $image true
    expect_ok "${world[@]}" run -q --network host $image true
done <<'WORLDS'
16:12 packet_filter nf_tables
17 virtual_links af_packet
WORLDS

test_case "without IPv6 in the kernel networks are IPv4 only"
world=("$WORK/without" 10 "$SANDBOX_BIN")
expect_ok "${world[@]}" doctor
expect_match 'IPv6 +no ' "$OUT"
expect_match 'private network +yes' "$OUT"
expect_ok "${world[@]}" run --network private $image ip -4 address show eth0
expect_match 'inet 10\.' "$OUT"
expect_eq "" "$ERR"
