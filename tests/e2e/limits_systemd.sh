#!/bin/bash
# A scope of the user's systemd: asked for over its socket, entered, divided. A fake stands for
# systemd; what it is told and what it does are the real one's.
# cgroup: delegated
. "$SANDBOX_TESTS/support/lib.sh"

[ -n "${SANDBOX_TEST_CGROUP:-}" ] || skip "only root can delegate a cgroup v2 subtree"
if grep -qw memory "$SANDBOX_TEST_CGROUP/cgroup.controllers"; then
    skip "the subtree has the memory controller: nobody needs systemd then"
fi
expect_ok sandbox pull -q "oci:$(image busybox)"
drop_scopes() { find "$SANDBOX_TEST_CGROUP" -mindepth 1 -depth -type d -path '*.scope*' -exec rmdir {} +; }
on_exit drop_scopes

start_systemd() { # SOCKET [OPTION…]
    : >systemd.log # the one before was ready, too
    python3 "$SANDBOX_TESTS/support/fake_systemd.py" "$1" "$SANDBOX_TEST_CGROUP" "${@:2}" \
        >systemd.log 2>systemd.err &
    systemd_pid=$!
    wait_until 10 grep -q ready systemd.log || { fail "no fake: $(cat systemd.err)" && exit 1; }
}
stop_systemd() {
    stop_pid "$systemd_pid"
    rm -rf "$XDG_RUNTIME_DIR/systemd" "$XDG_RUNTIME_DIR/bus"
    drop_scopes
}
asked() { # FIELD of the last call
    python3 -c 'import json, sys; print(json.loads(open("systemd.log").readlines()[-1])[sys.argv[1]])' "$1"
}

test_case "systemd's own socket is asked for a delegated scope, and the container is in it"
start_systemd "$XDG_RUNTIME_DIR/systemd/private"
expect_ok sandbox run --memory 64m --name x --replace localhost/busybox \
    sh -c 'grep ^0:: /proc/self/cgroup'
expect_eq 0::/ "$OUT"
id=$(sandbox inspect -f '{{.Id}}' x)
expect_eq "sandbox-$id.scope" "$(asked name)"
expect_eq "fail True /org/freedesktop/systemd1" "$(asked mode) $(asked Delegate) $(asked path)"
expect_file "$SANDBOX_TEST_CGROUP/sandbox-$id.scope/supervisor"
expect_no_file "$SANDBOX_TEST_CGROUP/sandbox-$id.scope/sandbox-$id"
stop_systemd

test_case "the user's bus will do"
start_systemd "$XDG_RUNTIME_DIR/bus" --bus
expect_ok sandbox run --memory 64m localhost/busybox true
expect_match '^sandbox-[0-9a-f]{64}\.scope$' "$(asked name)"
stop_systemd

test_case "a limit that needs no more than there is asks nobody"
start_systemd "$XDG_RUNTIME_DIR/systemd/private"
expect_ok sandbox run localhost/busybox true
expect_eq ready "$(cat systemd.log)"
stop_systemd

test_case "a refusal is told, and the container runs without the limit"
start_systemd "$XDG_RUNTIME_DIR/systemd/private" --refuse
expect_ok sandbox run --memory 64m localhost/busybox echo hi
expect_eq hi "$OUT"
expect_match 'warning: --memory: not enforced' "$ERR"
expect_error 125 '--memory.*cannot be enforced' \
    sandbox run --memory 64m --strict-limits localhost/busybox true
stop_systemd

test_case "one that does not answer holds nobody up for long"
start_systemd "$XDG_RUNTIME_DIR/systemd/private" --silent
start=$SECONDS
expect_ok sandbox run --memory 64m localhost/busybox true
expect_eq yes "$([ $((SECONDS - start)) -le 10 ] && echo yes)" "seconds: $((SECONDS - start))"
stop_systemd
