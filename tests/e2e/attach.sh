#!/bin/bash
# attach: the streams of a detached container, the detach keys, its exit code.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
tty() { python3 "$SANDBOX_TESTS/support/terminal.py" "$@"; }
on_exit "$SANDBOX_BIN" rm -f pipes shell loud

test_case "both streams, what is typed, and the exit code"
expect_ok sandbox run -d -i --name pipes $run_image sh -c 'read x; echo "got $x"; echo err >&2; exit 7'
expect_rc 7 bash -c "echo hello | timeout 20 '$SANDBOX_BIN' attach pipes"
expect_eq "got hello" "$OUT"
expect_eq err "$ERR"

test_case "the detach keys leave it running, and one can come back"
expect_ok sandbox run -d -it --name shell $run_image sh
expect_rc 0 tty 'wait:1' 'send:echo begun\r' 'expect:begun\r\nbegun' 'send:\x10\x11' -- "$SANDBOX_BIN" attach shell
expect_match 'terminal: restored' "$ERR"
expect_ok sandbox inspect --type container -f '{{.State.Status}}' shell
expect_eq running "$OUT"
expect_rc 0 tty 'wait:1' 'send:echo second\r' 'expect:second\r\nsecond' 'send:ab' -- "$SANDBOX_BIN" attach --detach-keys a,b shell
expect_rc 3 tty 'wait:1' 'send:stty size; exit 3\r' 'expect:24 80' -- "$SANDBOX_BIN" attach shell

test_case "one that is suspended keeps nobody from an ended container"
for verb in start rm; do
    expect_ok sandbox run -d --name held $run_image sh -c '(sleep 0.5; yes | head -c 300000) & sleep 1; exit 5'
    "$SANDBOX_BIN" attach held >/dev/null &
    client=$!
    sleep 0.2
    kill -STOP $client
    sleep 1
    begin=$(date +%s%N)
    expect_ok timeout 30 "$SANDBOX_BIN" wait held
    expect_eq 5 "$OUT"
    [ $((($(date +%s%N) - begin) / 1000000)) -lt 1500 ] || fail "wait took long"
    expect_ok sandbox "$verb" held
    [ $((($(date +%s%N) - begin) / 1000000)) -lt 6000 ] || fail "$verb took long"
    [ "$verb" = rm ] || expect_ok sandbox rm -f held
    kill -KILL $client
    wait $client
done

test_case "unknown keys, no such container, one that has ended"
expect_rc 1 sandbox attach --detach-keys ctrl-1 shell
expect_rc 1 sandbox attach shell
expect_match 'not running' "$ERR"
expect_rc 1 sandbox attach nobody
expect_match 'no such container' "$ERR"

test_case "a reader that goes away leaves the container alone; signals are passed on"
expect_ok sandbox run -d --name loud $run_image sh -c 'trap "exit 9" TERM; while :; do echo noise; sleep 0.05; done'
expect_ok bash -c "'$SANDBOX_BIN' attach loud | head -n 2"
expect_ok sandbox inspect --type container -f '{{.State.Status}}' loud
expect_eq running "$OUT"
"$SANDBOX_BIN" attach --no-stdin loud >noise &
client=$!
expect_ok wait_until 20 test -s noise
kill -TERM $client
wait $client
expect_eq 9 $? "exit code of attach"

test_case "start -a shows all from the first byte on and ends with the container's code"
expect_ok sandbox create --name once $run_image sh -c 'echo first; echo err >&2; exit 4'
on_exit "$SANDBOX_BIN" rm -f once cat
for round in 1 2 3; do
    expect_rc 4 timeout 20 "$SANDBOX_BIN" start -a once
    expect_eq first "$OUT"
    expect_eq err "$ERR"
done

test_case "a run with keys of its own can be left, and goes on without its caller"
tty_keys() { tty 'expect:# ' 'send:echo begun\r' 'expect:begun\r\nbegun' "$@" -- "$SANDBOX_BIN" run --detach-keys ctrl-a,d --name left $run_image sh; }
expect_rc 0 tty_keys 'send:\x01d'
expect_eq running "$(sandbox inspect --type container -f '{{.State.Status}}' left)"
expect_rc 5 tty 'wait:1' 'send:exit 5\r' -- "$SANDBOX_BIN" attach left
expect_ok sandbox rm left
expect_rc 6 tty_keys 'send:exit 6\r'
expect_rc 4 bash -c "echo through | timeout 20 '$SANDBOX_BIN' run --detach-keys a,b -i $run_image sh -c 'cat; exit 4'"
expect_eq through "$OUT"
expect_rc 125 sandbox run --detach-keys ctrl-1 --name never $run_image true
expect_rc 1 sandbox container exists never
on_exit "$SANDBOX_BIN" rm -f left

test_case "start -ai passes standard input on"
expect_ok sandbox create -i --name cat $run_image cat
expect_rc 0 bash -c "echo through | timeout 20 '$SANDBOX_BIN' start -ai cat"
expect_eq through "$OUT"
expect_rc 2 sandbox start -a once cat
