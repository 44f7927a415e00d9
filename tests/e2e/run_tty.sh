#!/bin/bash
# A run on a terminal: found out by itself, window size, Ctrl-C, suspend, and always restored.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
tty() { python3 "$SANDBOX_TESTS/support/terminal.py" "$@"; }

test_case "on a terminal the payload gets one, without any flag"
expect_rc 7 tty 'expect:# ' 'send:tty; echo $TERM; exit 7\r' -- "$SANDBOX_BIN" run $run_image sh
expect_match '/dev/pts/0' "$OUT"
expect_match 'xterm' "$OUT"
expect_match 'terminal: restored' "$ERR"

test_case "-t=false and -i keep it away"
expect_rc 1 tty -- "$SANDBOX_BIN" run -t=false $run_image tty
expect_match 'not a tty' "$OUT"

test_case "the terminal is raw while the payload has it, and as before when it ends"
expect_rc 0 tty 'expect:ready' modes: 'send:x\r' -- "$SANDBOX_BIN" run $run_image sh -c 'echo ready; read x'
expect_match 'modes: raw' "$ERR"
expect_match 'terminal: restored' "$ERR"

test_case "Ctrl-C is typed inside: the payload's own shell goes on"
expect_rc 3 tty 'expect:# ' 'send:sleep 100\r' 'wait:0.5' 'send:\x03' 'expect:# ' 'send:exit 3\r' \
    -- "$SANDBOX_BIN" run $run_image sh
expect_rc 130 tty 'expect:ready' 'send:\x03' -- "$SANDBOX_BIN" run $run_image sh -c 'echo ready; exec sleep 100'
expect_match 'terminal: restored' "$ERR"

test_case "the window's size is there from the start and follows"
expect_rc 0 tty 'expect:24 80' 'size:50x132' 'expect:resized.*50 132' -- \
    "$SANDBOX_BIN" run $run_image sh -c 'trap "echo resized; stty size; exit 0" WINCH; stty size; while :; do sleep 0.05; done'

test_case "SIGTERM ends it with the terminal restored"
expect_rc 143 tty 'expect:ready' signal:TERM -- "$SANDBOX_BIN" run $run_image sh -c 'echo ready; exec sleep 100'
expect_match 'terminal: restored' "$ERR"

test_case "suspended, the terminal is the shell's again; continued, the payload's"
expect_rc 0 tty 'expect:ready' signal:TSTP stopped modes: signal:CONT 'wait:0.3' modes: 'send:go\r' 'expect:got go' \
    -- "$SANDBOX_BIN" run $run_image sh -c 'echo ready; read x; echo got $x'
expect_match 'modes: cooked.*modes: raw' "$(tr '\n' ' ' <<<"$ERR")"
expect_match 'terminal: restored' "$ERR"

test_case "a terminal that hangs up ends the payload"
expect_rc 129 tty 'expect:ready' hangup -- "$SANDBOX_BIN" run $run_image sh -c 'echo ready; exec sleep 100'

test_case "an error before the start leaves the terminal alone"
expect_rc 127 tty -- "$SANDBOX_BIN" run $run_image nosuch
expect_match 'terminal: restored' "$ERR"

test_case "nothing of a long output is lost at the end"
expect_rc 0 tty --out "$WORK/long" -- "$SANDBOX_BIN" run $run_image seq 1 30000
expect_eq 30000 "$(wc -l <"$WORK/long")"
expect_eq 30000 "$(tail -n 1 "$WORK/long" | tr -d '\r')"

test_case "-t without a terminal works too: output in a pipe, all of it"
expect_eq 30000 "$(sandbox run -t $run_image seq 1 30000 </dev/null | wc -l)"
expect_ok sandbox run -t $run_image sh -c 'test -t 0 && test -t 1' </dev/null

test_case "-it with stdin in a pipe warns, and the end of the pipe is the end of input"
RC=0
OUT=$(printf 'one\ntwo' | timeout 20 "$SANDBOX_BIN" run -it $run_image sh -c 'stty -echo; echo start; cat' 2>"$WORK/.err") || RC=$?
ERR=$(cat "$WORK/.err")
expect_eq 0 "$RC"
expect_match 'two' "$OUT"
expect_match 'the input device is not a TTY' "$ERR"

test_case "a reader that goes away ends a payload on a terminal as it ends one in a pipe"
timeout 20 "$SANDBOX_BIN" run -t $run_image yes </dev/null 2>/dev/null | head -n 1 >/dev/null
expect_eq "141 0" "${PIPESTATUS[*]}"
timeout 20 "$SANDBOX_BIN" run $run_image yes </dev/null 2>/dev/null | head -n 1 >/dev/null
expect_eq "141 0" "${PIPESTATUS[*]}"

test_case "nothing is left"
expect_eq "" "$(ls "$XDG_DATA_HOME/sandbox/containers" | grep -v '^names$')"
