#!/bin/bash
# stdin, stdout and stderr of a run without a terminal, in every state a shell can leave them in.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox

test_case "without -i the payload reads nothing and the caller's input stays where it is"
expect_eq "after" "$(printf 'after\n' | (sandbox run $run_image cat && cat))"

test_case "with -i a pipe goes in and comes out, byte for byte"
head -c 3000000 /dev/urandom >"$WORK/random"
expect_eq "$(sha256sum <"$WORK/random")" "$(sandbox run -i $run_image cat <"$WORK/random" | sha256sum)"
expect_eq "$(sha256sum <"$WORK/random")" \
    "$(cat "$WORK/random" | sandbox run -i $run_image cat | sha256sum)"

test_case "stdout and stderr are two"
expect_ok sandbox run $run_image sh -c 'echo out; echo err >&2'
expect_eq out "$OUT"
expect_eq err "$ERR"

test_case "closed descriptors never mix with ours"
for closed in '<&-' '>&-' '2>&-' '<&- >&-' '<&- >&- 2>&-'; do
    rc=0
    eval "timeout 20 \"\$SANDBOX_BIN\" run -i $run_image sh -c 'cat >/dev/null; exit 6' $closed" || rc=$?
    expect_eq 6 "$rc" "with $closed"
done
rc=0
timeout 20 "$SANDBOX_BIN" run $run_image sh -c 'echo /proc/self/fd/*' <&- >"$WORK/fds" || rc=$?
expect_eq 0 "$rc"
expect_no_match '/fd/[4-9]' "$(cat "$WORK/fds")"

test_case "the payload has 0, 1 and 2 and nothing of ours; --preserve-fds gives what was asked for"
exec 5</etc/hostname 7</etc/hostname
expect_ok sandbox run $run_image sh -c 'echo /proc/self/fd/*'
exec 5<&- 7<&-
expect_no_match '/fd/[4-9]' "$OUT" "no descriptor of the caller"
exec 3<"$WORK/random" 4>"$WORK/four"
rc=0
"$SANDBOX_BIN" run --preserve-fds 2 $run_image sh -c 'head -c 10 <&3 | wc -c >&4' || rc=$?
exec 3<&- 4>&-
expect_eq 0 "$rc"
expect_eq 10 "$(tr -d ' ' <"$WORK/four")"
expect_error 125 'descriptor 3 is not open' sandbox run --preserve-fds 1 $run_image true

if [ "$SANDBOX_TEST_USER" != plain ]; then
    test_case "any user inside opens its standard streams anew, whatever they are"
    again='echo out >/dev/stdout; echo err >/proc/self/fd/2'
    expect_eq "err out" "$(sandbox run -u 1000 $run_image sh -c "$again" 2>&1 | sort | xargs)"
    expect_eq hi "$(echo hi | sandbox run -i -u 1000 $run_image cat /dev/stdin)"
    expect_rc 3 sandbox run -u 1000 $run_image sh -c "$again; exit 3"
    expect_eq "out err" "$OUT $ERR" "files"
    sandbox run -u 1000 $run_image sh -c 'for i in 1 2 3; do echo $i; echo e$i >&2; done' >"$WORK/both" 2>&1
    expect_eq "1 e1 2 e2 3 e3" "$(xargs <"$WORK/both")" "the order of both in one file"
    chmod 600 "$WORK/random"
    expect_eq 3000000 "$(sandbox run -i -u 1000 $run_image wc -c <"$WORK/random")"
    mkfifo -m 600 "$WORK/named"
    cat "$WORK/named" >"$WORK/passed" &
    expect_rc 0 sandbox run -u 1000 $run_image sh -c "echo out >/dev/stdout" >"$WORK/named"
    wait $!
    sandbox run -u 1000 $run_image sh -c "echo out >/dev/stdout" >"$WORK/named" &
    expect_eq out "$(cat "$WORK/named")"
    wait $!
    expect_eq 600 "$(stat -c %a "$WORK/named")" "the mode of a FIFO"
    expect_ok sandbox run -d --name inside -u 1000 $run_image sleep 100
    expect_eq "err out" "$(sandbox exec -u 1001 inside sh -c "$again" 2>&1 | sort | xargs)"
    expect_eq hi "$(echo hi | sandbox exec -i inside cat /dev/stdin)"
    expect_ok sandbox rm -f inside
fi

test_case "a reader that goes away ends the payload by SIGPIPE"
timeout 20 "$SANDBOX_BIN" run $run_image yes | head -n 1 >/dev/null
expect_eq "141 0" "${PIPESTATUS[*]}"

test_case "a full device is the payload's error, not a loop"
rc=0
timeout 20 "$SANDBOX_BIN" run $run_image echo x >/dev/full 2>"$WORK/err" || rc=$?
expect_ne 0 "$rc"
expect_ne 124 "$rc"
rc=0
timeout 20 "$SANDBOX_BIN" run -t $run_image sh -c 'echo x; sleep 0.3' </dev/null >/dev/full 2>"$WORK/err" || rc=$?
expect_ne 124 "$rc" "with -t"

test_case "a pipe without an end does not keep a run from ending"
mkfifo "$WORK/endless"
sleep 30 >"$WORK/endless" &
sleeper=$!
expect_rc 0 timeout 20 "$SANDBOX_BIN" run $run_image true <"$WORK/endless"
expect_rc 0 timeout 20 "$SANDBOX_BIN" run -i $run_image true <"$WORK/endless"
expect_rc 0 timeout 20 "$SANDBOX_BIN" run -it $run_image true <"$WORK/endless"
kill "$sleeper"

test_case "a background process of the payload does not keep the run alive"
expect_rc 0 timeout 20 "$SANDBOX_BIN" run $run_image sh -c 'sleep 100 & exit 0'

test_case "output through a pipe is not changed; a slow reader loses nothing"
expect_eq 5000000 "$(sandbox run $run_image head -c 5000000 /dev/zero | (sleep 0.5; wc -c))"
expect_eq 200000 "$(sandbox run -t $run_image sh -c 'stty -opost; head -c 200000 /dev/zero' </dev/null | (sleep 0.5; wc -c))"
