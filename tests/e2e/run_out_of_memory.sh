#!/bin/bash
# memory: 128M
# A payload that takes all memory is killed by the kernel, alone: E31, L07.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
[ "${SANDBOX_TEST_MEMORY:-}" = limited ] || skip "no memory cgroup: only root can make one for this test"

test_case "the payload that takes all memory is killed, which is told as 137; nothing is left"
# A shell above it would be what the container's exit status is of.
run_rc timeout 60 "$SANDBOX_BIN" run localhost/busybox tail -c 1000000000 /dev/zero
expect_eq 137 "$RC"
expect_eq "" "$OUT"
expect_eq "" "$(sandbox ps -aq)"

test_case "a child of the payload is killed, the payload lives on and can tell"
run_rc timeout 60 "$SANDBOX_BIN" run localhost/busybox sh -c \
    'tail -c 1000000000 /dev/zero; echo "child $?"; exit 3'
expect_eq "3 child 137" "$RC $OUT"

test_case "a tmpfs has its own end long before"
expect_ok sandbox run --shm-size 8m localhost/busybox sh -c \
    'dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null || stat -c %s /dev/shm/x'
expect_eq $((8 << 20)) "$OUT"
expect_ok sandbox run localhost/busybox echo alive
expect_eq alive "$OUT"
