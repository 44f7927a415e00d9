#!/bin/bash
# Signals to a foreground run without a terminal: forwarded, and the end of those who do not listen. F05.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox

# start COMMAND…: a run in the background, as a job of a terminal would be: SIGINT not ignored.
# Waits for the line "ready" that the payload prints. PID is sandbox itself.
start() {
    : >"$WORK/output"
    ${in_session-} python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execv(sys.argv[1], sys.argv[1:])' "$SANDBOX_BIN" run "$@" >"$WORK/output" 2>"$WORK/errors" </dev/null &
    PID=$!
    wait_until 20 grep -q ready "$WORK/output" || fail "the payload did not start: $(cat "$WORK/errors")"
}
finish_run() {
    RC=0
    wait "$PID" || RC=$?
    OUT=$(cat "$WORK/output") ERR=$(cat "$WORK/errors")
}

test_case "each signal arrives as itself"
for name in HUP INT QUIT USR1 USR2 TERM ALRM WINCH; do
    [ $name = WINCH ] && continue # of a window; without a terminal there is none
    start $run_image sh -c "trap 'echo got $name; exit 3' $name; echo ready; while :; do sleep 0.05; done"
    kill -$name "$PID"
    finish_run
    expect_eq 3 "$RC" "$name"
    expect_match "got $name" "$OUT"
done

test_case "a real-time signal too"
start $run_image sh -c 'trap "exit 4" 37; echo ready; while :; do sleep 0.05; done'
kill -37 "$PID"
finish_run
expect_eq 4 "$RC"

test_case "a payload that does not handle it ends of it"
for pair in HUP:129 INT:130 TERM:143 USR1:138; do
    start $run_image sh -c 'echo ready; exec sleep 60'
    kill -"${pair%:*}" "$PID"
    finish_run
    expect_eq "${pair#*:}" "$RC" "${pair%:*}"
done

test_case "a payload that ignores SIGTERM is killed when --stop-timeout is over, which is said"
start --stop-timeout 1 $run_image sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
kill -TERM "$PID"
finish_run
expect_eq 137 "$RC"
expect_match 'has not ended 1 s after SIGTERM' "$ERR"

test_case "Ctrl-C three times within two seconds kills a payload that ignores it"
start $run_image sh -c 'trap "" INT; echo ready; while :; do sleep 0.05; done'
for _ in 1 2 3; do
    kill -INT "$PID"
    sleep 0.2
done
finish_run
expect_eq 137 "$RC"
expect_match 'interrupted 3 times' "$ERR"

test_case "Ctrl-C with pauses is forwarded for ever"
start $run_image sh -c 'n=0; trap "n=\$((n+1)); echo int \$n; [ \$n = 3 ] && exit 9" INT; echo ready; while :; do sleep 0.05; done'
for _ in 1 2 3; do
    kill -INT "$PID"
    sleep 1.6
done
finish_run
expect_eq 9 "$RC"

test_case "Ctrl-C at a terminal goes to the payload alone: what keeps its network stays"
in_session=setsid
start $run_image sh -c 'trap "echo got" INT; trap "exit 6" TERM; echo ready; while :; do sleep 0.05; done'
in_session=
kill -INT -- "-$PID"
wait_until 5 grep -q got "$WORK/output" || fail "the payload was not told"
expect_eq 1 "$(pgrep -g "$PID" -cx sandbox-keep)"
kill -TERM "$PID"
finish_run
expect_eq 6 "$RC"

test_case "with --sig-proxy=false a signal stops the container, and the run ends by it"
start --sig-proxy=false --stop-signal USR1 $run_image \
    sh -c 'trap "echo stopped >/out/f; exit 0" USR1; echo ready; while :; do sleep 0.05; done' 2>/dev/null
kill -INT "$PID"
finish_run
expect_eq 130 "$RC"

test_case "without an init of ours signals go to the payload itself"
start --init=false $run_image sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done'
kill -TERM "$PID"
finish_run
expect_eq 5 "$RC"

test_case "a stopped and continued run goes on"
start $run_image sh -c 'echo ready; sleep 0.5; echo done'
kill -TSTP "$PID"
wait_until 5 grep -q '^State:.T' "/proc/$PID/status" || fail "the run was not stopped"
kill -CONT "$PID"
finish_run
expect_eq 0 "$RC"
expect_match done "$OUT"

test_case "when the supervisor is killed the container dies with it, and the next command cleans up"
start $run_image sh -c 'echo ready; exec sleep 987'
kill -KILL "$PID"
wait "$PID" 2>/dev/null
wait_until 5 sh -c '! pgrep -u "$(id -u)" -f "^sleep 987" >/dev/null' || fail "the payload outlived its supervisor"
expect_ok sandbox ps -aq
expect_eq "" "$OUT"
expect_eq "" "$(ls "$XDG_DATA_HOME/sandbox/containers" | grep -v '^names$')"
