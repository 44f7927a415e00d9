#!/bin/bash
# The foreground of `up`: one stream of logs, Ctrl-C once and twice; logs after `down`.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

now_ms() { date +%s%3N; }

cat >sandbox.toml <<'EOF2'
name = "p"
[services.deaf]
image = "busybox"
stop_grace_period = "20s"
command = ["sh", "-c", "trap '' TERM; echo deaf is up; while :; do sleep 0.1; done"]
[services.good]
image = "busybox"
depends_on = ["deaf"]
command = ["sh", "-c", "trap 'echo good ends; exit 0' TERM; echo good is up; while :; do sleep 0.1; done"]
EOF2

test_case "Ctrl-C stops in the reverse order with a countdown, and again kills"
"$SANDBOX_BIN" up >"$WORK/up.out" 2>"$WORK/up.err" &
up=$!
wait_until 20 grep -q 'good is up' "$WORK/up.out"
start=$(now_ms)
kill -INT "$up"
wait_until 10 grep -q 'killed in' "$WORK/up.err"
kill -INT "$up"
wait "$up"
expect_eq 130 "$?"
[ $(($(now_ms) - start)) -lt 8000 ] || fail "it took $(($(now_ms) - start)) ms"
expect_match 'stopping all in order; Ctrl-C kills them' "$(cat "$WORK/up.err")"
expect_match 'deaf +stopping p-deaf-1: killed in 19 s' "$(cat "$WORK/up.err")"
expect_match 'stopped p-good-1.*stopping p-deaf-1' "$(tr '\n' ' ' <"$WORK/up.err")"
expect_match 'good-1 \| good ends' "$(cat "$WORK/up.out")"
expect_eq $'p-deaf-1 exited\np-good-1 exited' "$(states)"

test_case "on a terminal there are colours, none with NO_COLOR, and the terminal is as it was"
cat >sandbox.toml <<'EOF2'
name = "p"
[services.one]
image = "busybox"
command = ["echo", "short life"]
EOF2
expect_ok sandbox down -q -t 0
on_terminal() { python3 "$SANDBOX_TESTS/support/terminal.py" expect:'short life' -- "$@" 2>&1; }
out=$(on_terminal "$SANDBOX_BIN" up -q)
expect_match $'\x1b\\[36mone-1 \\| \x1b\\[0mshort life' "$out"
expect_match 'terminal: restored' "$out"
out=$(NO_COLOR=1 on_terminal "$SANDBOX_BIN" up -q)
expect_match 'one-1 \| short life' "$out"
expect_no_match $'\x1b\\[36m' "$out"

test_case "Ctrl-C while something is still waited for stops what runs"
cat >sandbox.toml <<'EOF2'
name = "p"
[services.first]
image = "busybox"
stop_signal = "KILL"
expose = [81]
command = ["sleep", "1000"]
[services.second]
image = "busybox"
depends_on = ["first"]
command = ["sleep", "1000"]
EOF2
expect_ok sandbox down -q -t 0
"$SANDBOX_BIN" up >"$WORK/up.out" 2>"$WORK/up.err" &
up=$!
wait_until 20 grep -qE '^second +waits for first: 81/tcp not listening yet, [0-9.]+ s$' "$WORK/up.err"
kill -INT "$up"
wait "$up"
expect_eq 130 "$?"
expect_eq 'p-first-1 exited' "$(states)"

test_case "one that ends while others run is told, with who depends on it"
cat >sandbox.toml <<'EOF2'
name = "p"
[services.first]
image = "busybox"
command = ["sh", "-c", "sleep 0.4; exit 3"]
[services.second]
image = "busybox"
depends_on = ["first"]
command = ["sleep", "1.5"]
EOF2
expect_ok sandbox down -q -t 0
run_rc sandbox up
expect_eq 3 "$RC"
expect_match 'first +p-first-1 has ended with 3; second depends on it' "$ERR"

test_case "logs stay after down until the next up"
cat >sandbox.toml <<'EOF2'
name = "p"
[services.first]
image = "busybox"
command = ["echo", "first words"]
[services.second]
image = "busybox"
command = ["sh", "-c", "sleep 0.2; echo second words; exec sleep 1000"]
stop_signal = "KILL"
EOF2
expect_ok sandbox down -q -t 0
expect_ok sandbox up -d -q
wait_until 10 sh -c '"$0" logs second | grep -q words' "$SANDBOX_BIN"
expect_ok sandbox down -q
expect_eq '' "$(states)"
expect_eq $'first-1  | first words\nsecond-1 | second words' "$(sandbox logs)"
expect_eq 'second-1 | second words' "$(sandbox logs -f second)"
sed 's/first words/other words/' -i sandbox.toml
expect_ok sandbox up -d -q first
expect_eq 'first-1 | other words' "$(sandbox logs)"
expect_ok sandbox down -q -v
expect_eq '' "$(sandbox logs)"
expect_eq '' "$(ls "$XDG_DATA_HOME"/sandbox/projects | grep logs)"
