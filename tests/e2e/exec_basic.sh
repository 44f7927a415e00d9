#!/bin/bash
# exec: a command in a container that runs, with the streams, codes, identity and limits of run.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
tty() { python3 "$SANDBOX_TESTS/support/terminal.py" "$@"; }

"$SANDBOX_BIN" run --name box -e KEPT=yes -e HOME=/tmp --hostname inside -w /tmp $run_image \
    sh -c 'touch /tmp/up; exec sleep 1000' >/dev/null 2>&1 &
runner=$!
on_exit stop_pid $runner
expect_ok wait_until 20 sandbox exec box test -e /tmp/up

test_case "output, error and exit code come back"
expect_rc 7 sandbox exec box sh -c 'echo out; echo err >&2; exit 7'
expect_eq out "$OUT"
expect_eq err "$ERR"
expect_rc 137 sandbox exec box sh -c 'kill -9 $$'
expect_rc 143 sandbox exec box sh -c 'kill -TERM $$'

test_case "a program that is not there is 127, a directory 126, a missing directory 126"
expect_rc 127 sandbox exec box no-such-program
expect_match 'exec "no-such-program": no such file or directory' "$ERR"
expect_rc 126 sandbox exec box /tmp
expect_rc 126 sandbox exec -w /no/such/place box true
expect_match '/no/such/place' "$ERR"

test_case "no such container, one that has ended, no command"
expect_rc 125 sandbox exec nobody true
expect_match 'no such container' "$ERR"
expect_rc 2 sandbox exec box
expect_ok sandbox run --name ended $run_image true
expect_rc 125 sandbox exec ended true
expect_match 'not running' "$ERR"

test_case "a unique prefix of the id will do"
id=$(sandbox ps -q --no-trunc | head -n 1)
expect_ok sandbox exec "${id:0:12}" true

test_case "environment and directory are the container's, flags add to them"
expect_ok sandbox exec box sh -c 'echo $KEPT $HOME; hostname; pwd'
expect_eq "yes /tmp
inside
/tmp" "$OUT"
expect_ok env MINE=here "$SANDBOX_BIN" exec -e MINE -e KEPT=no -e A=b=c -w / box sh -c 'echo $MINE $KEPT $A; pwd'
expect_eq "here no b=c
/" "$OUT"
printf 'FROM_FILE=1\n# comment\nKEPT=file\n' >vars
expect_ok sandbox exec --env-file vars -e KEPT=flag box sh -c 'echo $FROM_FILE $KEPT'
expect_eq "1 flag" "$OUT"
expect_ok sandbox exec box env
expect_no_match 'SANDBOX_|XDG_' "$OUT"

test_case "standard input: /dev/null, or the caller's with -i"
expect_ok sandbox exec box cat </dev/null
expect_eq "" "$OUT"
expect_ok bash -c "echo hello | '$SANDBOX_BIN' exec -i box cat"
expect_eq hello "$OUT"
expect_ok bash -c "echo hello | timeout 20 '$SANDBOX_BIN' exec box cat"
expect_eq "" "$OUT"
expect_ok bash -c "timeout 20 '$SANDBOX_BIN' exec box true <&-"
head -c 3000000 /dev/urandom >blob
expect_ok bash -c "'$SANDBOX_BIN' exec -i box cat <blob >copy && cmp blob copy"

test_case "flags end at the container"
expect_ok sandbox exec box echo -i -u --privileged -- x
expect_eq "-i -u --privileged -- x" "$OUT"

test_case "limits are those of run"
limits='grep -E "^(Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid)" /proc/self/status; ulimit -a; ls -l /proc/self/fd | wc -l'
expect_ok sandbox run $run_image sh -c "$limits"
of_run=$OUT
expect_ok sandbox exec box sh -c "$limits"
expect_eq "$of_run" "$OUT"
expect_ok sandbox exec box sh -c 'for n in mnt pid ipc uts net user; do readlink /proc/self/ns/$n; done'
of_exec=$OUT
expect_ok sandbox exec box sh -c 'for n in mnt pid ipc uts net user; do readlink /proc/$(pidof sleep)/ns/$n; done'
expect_eq "$OUT" "$of_exec"

test_case "--privileged is for this command alone"
expect_ok sandbox exec --privileged box grep -E '^(CapEff|Seccomp:)' /proc/self/status
expect_match 'CapEff:.000001ff' "$OUT"
expect_ok sandbox exec box grep CapEff /proc/self/status
expect_no_match '000001ff' "$OUT"

test_case "-d answers when it is executed and does not wait"
expect_ok sandbox exec -d box sh -c 'sleep 0.3; touch /tmp/later'
expect_eq "" "$OUT"
expect_ok wait_until 20 sandbox exec box test -e /tmp/later
expect_rc 127 sandbox exec -d box no-such-program

test_case "a terminal: found out, of the container's own, restored"
expect_rc 7 tty 'expect:# ' 'send:tty; echo $TERM; stty size; exit 7\r' -- "$SANDBOX_BIN" exec box sh
expect_match '/dev/pts/' "$OUT"
expect_match 'xterm' "$OUT"
expect_match '24 80' "$OUT"
expect_match 'terminal: restored' "$ERR"
expect_rc 1 tty -- "$SANDBOX_BIN" exec -t=false box tty
expect_match 'not a tty' "$OUT"
expect_ok sandbox exec -t box tty
expect_match '/dev/pts/' "$OUT"

test_case "the window's size follows, Ctrl-C is typed inside"
expect_rc 0 tty 'expect:24 80' 'size:50x132' 'expect:resized.*50 132' -- \
    "$SANDBOX_BIN" exec box sh -c 'trap "echo resized; stty size; exit 0" WINCH; stty size; while :; do sleep 0.05; done'
expect_rc 130 tty 'expect:ready' 'send:\x03' -- "$SANDBOX_BIN" exec box sh -c 'echo ready; exec sleep 100'
expect_match 'terminal: restored' "$ERR"

test_case "signals are passed on, and the command does not outlive a killed caller"
"$SANDBOX_BIN" exec box sh -c 'trap "exit 9" USR1; touch /tmp/trap; while :; do sleep 0.05; done' &
caller=$!
expect_ok wait_until 20 sandbox exec box test -e /tmp/trap
kill -USR1 $caller
expect_rc 9 wait $caller
"$SANDBOX_BIN" exec box sleep 4711 &
caller=$!
expect_ok wait_until 20 sandbox exec box sh -c 'ps | grep -q "[s]leep 4711"'
kill -9 $caller
wait $caller 2>/dev/null
expect_ok wait_until 20 sandbox exec box sh -c '! ps | grep -q "[s]leep 4711"'

test_case "the container's end ends the command, and a stopped caller does not hold it up"
"$SANDBOX_BIN" exec box sleep 1000 &
caller=$!
"$SANDBOX_BIN" exec box sleep 1001 &
stopped=$!
expect_ok wait_until 20 sandbox exec box sh -c 'ps | grep -q "[s]leep 1001"'
kill -STOP $stopped
kill -TERM $runner
expect_rc 137 wait $caller
wait $runner
kill -CONT $stopped
expect_rc 137 wait $stopped
