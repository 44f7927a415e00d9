#!/bin/bash
# What is there before a run is what is there after it: directories, mounts, processes. Many at once,
# killed ones, and an image that is removed while a run starts (C03).
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
store=$XDG_DATA_HOME/sandbox

state() {
    find "$store" -mindepth 1 -not -path "$store/cache*" | sort
    pgrep -u "$(id -u)" -f 'sleep 98[0-9]' | wc -l
    wc -l </proc/self/mountinfo
}
expect_ok sandbox run $run_image true
before=$(state)

test_case "one run leaves nothing, whatever it made and whoever owned it"
expect_ok sandbox run $run_image sh -c 'mkdir -p /a/b/c; chmod 000 /a/b; touch /f; mkfifo /p; ln -s / /l; rm -rf /home; mkdir /home'
expect_eq "$before" "$(state)"
expect_ok sandbox run -u user $run_image sh -c 'mkdir -m 0 /tmp/x; touch /tmp/y'
expect_eq "$before" "$(state)"
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_ok sandbox run $run_image sh -c 'mkdir -p /d/e; touch /d/e/f; chown -R 33:33 /d; chmod -R 500 /d'
    expect_eq "$before" "$(state)"
fi

test_case "a hundred at once: each has its own exit code, nothing is left"
for i in $(seq 1 100); do
    (
        rc=0
        "$SANDBOX_BIN" run $run_image sh -c "touch /x; exit $((i % 120))" >"$WORK/p$i" 2>&1 || rc=$?
        [ "$rc" -eq $((i % 120)) ] || echo "run $i: $rc $(cat "$WORK/p$i")" >>"$WORK/wrong"
    ) &
done
wait
expect_no_file "$WORK/wrong" || cat "$WORK/wrong"
expect_eq "$before" "$(state)"

test_case "a run that comes to nothing leaves no process of those that it had begun"
setsid "$SANDBOX_BIN" run --pull never nobody/has-this true >"$WORK/out" 2>&1 &
pid=$!
rc=0
wait $pid || rc=$?
expect_eq 125 "$rc"
expect_match 'no such image' "$(cat "$WORK/out")"
gone() { ! pgrep -s "$pid" >/dev/null; }
wait_until 5 gone || fail "left: $(pgrep -s "$pid" -a)"

test_case "ended by SIGTERM, SIGHUP and SIGINT nothing is left either"
for name in TERM HUP INT; do
    rm -f "$WORK/out"
    python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execv(sys.argv[1], sys.argv[1:])' "$SANDBOX_BIN" run $run_image sh -c 'touch /x; echo ready; exec sleep 981' >"$WORK/out" 2>&1 &
    pid=$!
    wait_until 20 grep -q ready "$WORK/out"
    kill -$name $pid
    wait $pid
    expect_eq "$before" "$(state)" "$name"
done

test_case "killed while it starts, at many moments: the next command finds a clean store"
for i in $(seq 1 20); do
    "$SANDBOX_BIN" run -v anon"$((i % 3))":/v $run_image sleep 982 >/dev/null 2>&1 &
    pid=$!
    sleep "0.0$((i % 10))$((i * 7 % 10))"
    kill -KILL $pid 2>/dev/null
    wait $pid 2>/dev/null
done
wait_until 5 sh -c '! pgrep -u "$(id -u)" -f "^sleep 982" >/dev/null' || fail "payloads outlived their supervisors"
# What a killed supervisor cared for holds the lock until the kernel has ended it, too.
nothing_listed() { [ -z "$(sandbox ps -aq)" ]; }
wait_until 5 nothing_listed || fail "still listed: $(sandbox ps -aq)"
sandbox volume rm -f anon0 anon1 anon2 >/dev/null
expect_eq "$before" "$(state)"

test_case "half a volume, whose maker was killed, goes with the next one that is removed"
mkdir -p "$store/volumes/.tmp-0123456789abcdef/data"
expect_ok sandbox volume rm -f none
expect_eq "$before" "$(state)"

test_case "a record that its maker was killed in the middle of is no container"
half=$store/containers/$(printf 'ab%.0s' {1..32})
mkdir "$half"
printf '{"id": "ab' >"$half/record.json"
: >"$half/lock"
expect_ok sandbox run $run_image true
expect_no_file "$half"
expect_ok sandbox system check

test_case "an image removed while runs start: whole, or no such image, never half"
layout=$(image busybox)
for round in $(seq 1 12); do
    "$SANDBOX_BIN" pull -q "oci:$layout" >/dev/null 2>"$WORK/err" || fail "pull: $(cat "$WORK/err")"
    "$SANDBOX_BIN" rmi $run_image >/dev/null 2>&1 &
    rmi=$!
    rc=0
    OUT=$("$SANDBOX_BIN" run --pull never $run_image sh -c 'ls /bin/busybox /etc/passwd /home/user >/dev/null && echo whole' 2>"$WORK/err") || rc=$?
    wait $rmi
    if [ "$rc" -eq 0 ]; then
        expect_eq whole "$OUT"
    else
        expect_eq 125 "$rc"
        expect_match 'no such image' "$(cat "$WORK/err")"
    fi
done
