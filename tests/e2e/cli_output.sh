#!/bin/bash
# Standard output that cannot be written, and text of others on a terminal (P12, P16).
. "$SANDBOX_TESTS/support/lib.sh"

# on_terminal COMMAND…: runs it with a terminal for stdin, stdout and stderr; what it shows in OUT.
on_terminal() { run_rc env TERM=xterm script -qec "$(printf '%q ' "$SANDBOX_BIN" "$@")" /dev/null </dev/null; }

test_case "a full disk under stdout is an error, one line, and no loop"
for words in '--version' '--help' 'run --help' 'version --licenses' 'completion bash' 'images' \
    'info' 'system df'; do
    # shellcheck disable=SC2086
    RC=0 ERR=$(timeout 20 "$SANDBOX_BIN" $words 2>&1 >/dev/full) || RC=$?
    expect_eq 1 "$RC" "status of \"$words\" with a full disk"
    expect_match 'write to standard output: no space left on device' "$ERR"
    expect_eq 1 "$(wc -l <<<"$ERR")" "lines of the error"
done

test_case "a closed stdout is an error for what has something to say"
RC=0 ERR=$(timeout 20 "$SANDBOX_BIN" --version 2>&1 >&-) || RC=$?
expect_eq 1 "$RC"
expect_match 'write to standard output' "$ERR"

test_case "a closed stdout is never the place where a file of the store is written"
"$SANDBOX_BIN" volume create vol >&- 2>/dev/null
expect_ok sandbox volume ls -q
expect_eq vol "$OUT"
expect_ok sandbox system check

test_case "a closed stderr and stdin do no harm"
expect_ok sandbox images 2>&- <&-
expect_rc 2 sandbox imgaes 2>&-

test_case "a reader that leaves ends the program quietly"
RC=0
ERR=$( { timeout 20 "$SANDBOX_BIN" version --licenses | head -n 1 >/dev/null; } 2>&1 )
expect_eq '' "$ERR"
ERR=$( { timeout 20 bash -c 'trap "" PIPE; "$0" version --licenses; echo "$?" >"$1"' \
    "$SANDBOX_BIN" "$WORK/rc" | head -n 1 >/dev/null; } 2>&1 )
expect_eq '' "$ERR"
expect_eq 1 "$(cat "$WORK/rc")" "status with SIGPIPE ignored"

test_case "control bytes in a label, a command and a message are escaped on a terminal only"
make_image "$WORK/evil" --layer busybox --cmd '["true"]' --label $'evil=a\x1b]0;title\x07b\u009bc'
expect_ok sandbox pull -q "oci:$WORK/evil:latest"
id=$OUT
expect_ok sandbox tag "$id" evil
on_terminal images --format '{{.Labels}}'
expect_no_match $'\x1b' "$OUT"
expect_no_match $'\x07' "$OUT"
expect_no_match $'\u009b' "$OUT"
expect_match '\\x1b\]0;title\\x07b' "$OUT"
expect_ok sandbox images --format '{{.Labels}}'
expect_match $'a\x1b\\]0;title' "$OUT"
on_terminal rmi $'x\x1b[2Jy'
expect_no_match $'\x1b' "$OUT"
on_terminal inspect evil
expect_no_match $'\x1b' "$OUT"

test_case "results are alone on stdout"
run_rc sandbox pull "oci:$WORK/evil:latest"
expect_eq "$id" "$OUT"
run_rc sandbox pull -q "oci:$WORK/evil:latest"
expect_eq '' "$ERR"

test_case "a terminal is refused as the place of an archive"
on_terminal save evil
expect_match 'refusing to write an archive to a terminal' "$OUT"
on_terminal load
expect_match 'cannot read an archive from a terminal' "$OUT"
