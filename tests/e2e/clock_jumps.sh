#!/bin/bash
# users: plain
# F13 the wall clock jumps an hour back and ten years forward during pull and up: no token is asked
# for again and again, nothing waits for the clock to come back. Only without a range: newuidmap
# would not be setuid under a tracer.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/fake_registry.sh"

expect_ok cc -O1 -o "$WORK/jumping_clock" "$SANDBOX_TESTS/support/jumping_clock.c"
back=-3600 forward=315360000
# jumping READS COMMAND…: back after READS readings of the clock, then forward, then right again
jumping() {
    JUMPING_CLOCK_READS=$WORK/reads timeout 120 "$WORK/jumping_clock" \
        "$back@$1,$forward@$(($1 * 2)),0@$(($1 * 4))" "${@:2}"
}

saw_all() { expect_ok test "$(<"$WORK/reads")" -ge $(($1 * 4)); }

test_case "the clock that a program sees jumps"
expect_ok jumping 10 bash -c 'for ((i = 0; i < 60; i++)); do date +%s; done'
expect_eq "right back forward right" "$(awk -v now="$(date +%s)" '
    { d = $1 - now; k = d < -3000 ? "back" : d > 300000000 ? "forward" : "right"
      if (k != last) printf "%s%s", last == "" ? "" : " ", k; last = k }' <<<"$OUT")"

for reads in 1 2; do
    test_case "a pull with tokens, whose clock jumps after $reads readings"
    remove_all "$XDG_DATA_HOME/sandbox"
    start_fake bearer --layers 3
    expect_ok jumping "$reads" "$SANDBOX_BIN" pull -q "$FAKE/a/b"
    asked=$(grep -c /token "$FAKE_DIR/log")
    [[ $asked -ge 1 && $asked -le 3 ]] || fail "$asked tokens: $(cat "$FAKE_DIR/log")"
    saw_all "$reads"
    expect_ok sandbox system check
    expect_ok jumping "$reads" "$SANDBOX_BIN" pull -q "$FAKE/a/b"
    stop_pid "$FAKE_PID"
done

expect_ok sandbox pull -q "oci:$(image busybox)"
mkdir "$WORK/p"
cat >"$WORK/p/sandbox.toml" <<'TOML'
name = "p"
[services.db]
image = "localhost/busybox"
command = ["sh", "-c", "touch /up; while :; do echo line; sleep 0.1; done"]
healthcheck = { test = ["CMD", "test", "-e", "/up"], interval = "200ms", retries = 50 }
[services.web]
image = "localhost/busybox"
command = ["sleep", "1000"]
depends_on = { db = { condition = "service_healthy" } }
TOML
on_exit sandbox down -q -t 0 -f "$WORK/p/sandbox.toml"
for reads in 1 3 40; do
    test_case "a project that waits for a healthy service, whose clock jumps after $reads readings"
    expect_ok jumping "$reads" "$SANDBOX_BIN" up -d -q -f "$WORK/p/sandbox.toml"
    [ "$reads" -gt 3 ] || saw_all "$reads" # later ones come to the supervisors
    expect_eq "running healthy" \
        "$(sandbox inspect -f '{{.State.Status}} {{.State.Health.Status}}' p-db-1)"
    expect_eq running "$(sandbox inspect -f '{{.State.Status}}' p-web-1)"
    checks() { sandbox inspect -f '{{(index .State.Health.Log 0).Start}}' p-db-1; }
    first=$(checks)
    goes_on() { [ "$(checks)" != "$first" ]; }
    wait_until 30 goes_on || fail "no more health checks: $first"
    lines=$(sandbox logs p-db-1 | wc -l)
    more() { [ "$(sandbox logs p-db-1 | wc -l)" -gt "$lines" ]; }
    wait_until 30 more || fail "the log does not go on: $lines"
    expect_ok jumping "$reads" "$SANDBOX_BIN" compose -f "$WORK/p/sandbox.toml" ps
    expect_ok jumping "$reads" "$SANDBOX_BIN" down -q -t 5 -f "$WORK/p/sandbox.toml"
    expect_eq "" "$(sandbox ps -aq)"
done
