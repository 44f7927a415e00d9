#!/bin/bash
# top: the processes of a container, as the host sees them.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
"$SANDBOX_BIN" run --name box localhost/busybox sh -c 'sleep 4711 & exec sleep 4712' >/dev/null 2>&1 &
on_exit stop_pid $!
expect_ok wait_until 20 sandbox exec box sh -c 'ps | grep -q "[s]leep 4711"'

test_case "docker's columns, the container's processes and no others"
expect_ok sandbox top box
expect_match '^UID +PID +PPID +C +STIME +TTY +TIME +CMD' "$OUT"
expect_match 'sleep 4711' "$OUT"
expect_match 'sleep 4712' "$OUT"
expect_eq 3 "$(wc -l <<<"$OUT")" "lines"
pid=$(awk '/sleep 4711/ { print $2 }' <<<"$OUT")
expect_match 'sleep.4711' "$(tr '\0' ' ' <"/proc/$pid/cmdline")"

test_case "options are those of the host's ps"
expect_ok sandbox top box -eo pid,args
expect_match '^PID +COMMAND' "$OUT"
expect_match "$pid +sleep 4711" "$OUT"
expect_eq 3 "$(wc -l <<<"$OUT")" "lines"
expect_rc 1 sandbox top box -eo args
expect_match 'PID' "$ERR"

test_case "no such container, one that has ended"
expect_rc 1 sandbox top nobody
expect_match 'no such container' "$ERR"
expect_ok sandbox run --name ended localhost/busybox true
expect_rc 1 sandbox top ended
expect_match 'not running' "$ERR"
