#!/bin/bash
# Progress of a pull: bars on a terminal, lines elsewhere, nothing with --quiet; only the image's id
# on stdout.
. "$SANDBOX_TESTS/support/lib.sh"

start_registry
push_busybox busybox:1
image=$REGISTRY/busybox:1
# What a terminal gets: stderr of the command, with stdout kept apart in $WORK/id.
# shellcheck disable=SC2016
on_terminal() {
    run_rc env TERM="$1" script -qec "stty cols 60; $SANDBOX_BIN $2 >$WORK/id" /dev/null </dev/null
}
forget() { sandbox system prune -af >/dev/null; }

test_case "lines where stderr is no terminal"
expect_ok sandbox pull "$image"
expect_match '^sha256:[0-9a-f]{64}$' "$OUT"
expect_match "^Trying to pull $image" "$ERR"
expect_match ': unpacked$' "$ERR"
expect_no_match $'\x1b' "$ERR"

test_case "nothing with --quiet"
forget
expect_ok sandbox pull --quiet "$image"
expect_match '^sha256:[0-9a-f]{64}$' "$OUT"
expect_eq '' "$ERR"
forget
expect_ok sandbox run --quiet "$image" true
expect_eq '' "$ERR"

test_case "a bar a layer on a terminal, within the window, and whole at the end"
forget
on_terminal xterm "pull $image"
expect_match '^sha256:[0-9a-f]{64}$' "$(cat "$WORK/id")"
expect_match '\[=+\] ' "$OUT"
last=$(tr -d '\r' <<<"$OUT" | grep -a '\[=' | tail -n 1 | sed 's/\x1b\[[0-9]*[AJ]//g')
expect_match '^[0-9a-f]{12}  \[=+\]  [0-9.]+[kM]B  done$' "$last"
[ "${#last}" -lt 60 ] || fail "a line of ${#last} columns in a window of 60"

test_case "a terminal that cannot move its cursor gets lines"
forget
on_terminal dumb "pull $image"
expect_no_match $'\x1b' "$OUT"
expect_match 'unpacked' "$OUT"

test_case "an image that is there already says so in no time"
on_terminal xterm "pull $image"
expect_match '^sha256:' "$(cat "$WORK/id")"

test_case "a pull that fails leaves no bar behind"
on_terminal xterm "pull $REGISTRY/nothing:1"
expect_match 'no such image|not found|manifest unknown' "$OUT"
expect_no_match '\[=' "$OUT"
