#!/bin/bash
# Images of a project are fetched at once, and nobody waits for an image but who needs it.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/fake_registry.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
start_fake stalled-blob --layers 1 --layer-bytes 2000000
mkdir "$WORK/p"
cd "$WORK/p"
cat >sandbox.toml <<TOML
name = "p"
[services.here]
image = "localhost/busybox"
command = ["sleep", "1000"]
[services.next]
image = "localhost/busybox"
command = ["sleep", "1000"]
depends_on = ["here"]
[services.one]
image = "$FAKE/a/one"
[services.two]
image = "$FAKE/a/two"
[services.last]
image = "localhost/busybox"
command = ["sleep", "1000"]
depends_on = ["one"]
TOML
on_exit sandbox down -q -t 0 -f "$WORK/p/sandbox.toml"
running() { sandbox ps --format '{{.Names}}' | sort | xargs; }
asked_for() { grep -c "/v2/a/$1/blobs/" "$FAKE_DIR/log"; }

test_case "who has an image starts, with who depends on it, while others are fetched together"
env --default-signal=INT "$SANDBOX_BIN" up -d >"$WORK/up.out" 2>"$WORK/up.err" &
up=$!
started() { [ "$(running)" = "p-here-1 p-next-1" ]; }
wait_until 20 started || fail "running: $(running); $(cat "$WORK/up.err")"
both_asked() { [ "$(asked_for one)" -ge 1 ] && [ "$(asked_for two)" -ge 1 ]; }
wait_until 20 both_asked || fail "$(cat "$FAKE_DIR/log")"
expect_ok kill -0 "$up"
# Its other children are the supervisors of what runs.
pulls=$(for pid in $(pgrep -P "$up"); do grep -qz __supervise "/proc/$pid/cmdline" || echo "$pid"; done)
expect_eq 2 "$(wc -l <<<"$pulls")" "pulls under way"

test_case "Ctrl-C ends the pulls, and what depended on them has not started"
kill -INT "$up"
rc=0
wait "$up" || rc=$?
expect_eq 130 "$rc"
for pid in $pulls; do wait_until 20 test ! -e "/proc/$pid" || fail "pull $pid goes on"; done
expect_no_match 'p-(one|two|last)-1' "$(sandbox ps -a --format '{{.Names}}')"
expect_ok sandbox down -q -t 0
expect_eq "" "$(sandbox ps -aq)"
expect_ok sandbox system check
