#!/bin/bash
# users: plain
# Errors of the kernel at any call of a pull, a run and a project: an error or a success, never a hang
# or half an image (F04). Only without a range: newuidmap would not be setuid under a tracer.
#   SANDBOX_TEST_FAULT_SECONDS  for how long (40)
. "$SANDBOX_TESTS/support/lib.sh"

mkdir "$WORK/p"
cat >"$WORK/p/sandbox.toml" <<'TOML'
name = "p"
[services.one]
image = "localhost/busybox"
command = ["sleep", "1000"]
[services.two]
image = "localhost/busybox"
command = ["sleep", "1000"]
depends_on = ["one"]
TOML
on_exit sandbox down -q -t 0 -f "$WORK/p/sandbox.toml"

test_case "what tells this boot from others cannot be read: that is no other boot, and costs no layer"
expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox run -d --name box localhost/busybox sleep 1000
for fault in openat:error=EMFILE read:error=EIO; do
    expect_error 1 'boot_id' strace -qq -o /dev/null -P /proc/sys/kernel/random/boot_id \
        -e "inject=$fault" "$SANDBOX_BIN" images
    expect_ok sandbox system check
done
expect_ok sandbox rm -f -t 0 box

test_case "killed at any call: an anonymous volume stays with its container, or goes with it"
killed() { # CALL NUMBER COMMAND…
    strace -f -qq -o /dev/null -e "inject=$1:signal=KILL:when=$2" "$SANDBOX_BIN" "${@:3}" >/dev/null 2>&1
}
for call in mkdirat renameat2 unlinkat openat; do
    for number in 1 2 3 4 6 9 13 18 24 31 40 60; do
        killed $call $number run -v /v localhost/busybox true
        killed $call $number create -v /v --name c localhost/busybox
        killed $call $number rm -v c
        expect_ok sandbox run localhost/busybox true
        containers=$(sandbox ps -aq | wc -l) volumes=$(sandbox volume ls -q | wc -l)
        [ "$volumes" -le "$containers" ] || fail "$volumes volumes of $containers containers: $call $number"
        if [ "$containers" -gt 0 ]; then expect_ok sandbox rm -v c; fi
        expect_eq "" "$(sandbox volume ls -q)" "$call $number"
        sandbox volume prune -af >/dev/null
    done
done

test_case "each call may fail: the store stays sound, and the next command succeeds"
expect_ok timeout 400 python3 "$SANDBOX_TESTS/support/inject_faults.py" "$SANDBOX_BIN" \
    "oci:$(image busybox)" localhost/busybox "$WORK/p/sandbox.toml" "${SANDBOX_TEST_FAULT_SECONDS:-40}"
echo "  $OUT"
