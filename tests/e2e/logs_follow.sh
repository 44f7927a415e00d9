#!/bin/bash
# logs -f, and the logs of detached containers: floods, terminals, ends, several lives.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox

test_case "following shows what comes and ends with the container"
expect_ok sandbox run -d --name slow $run_image sh -c 'for i in 1 2 3; do echo $i; sleep 0.3; done; echo last >&2'
run_rc timeout 20 "$SANDBOX_BIN" logs -f slow
expect_eq 0 "$RC"
expect_eq "1
2
3" "$OUT"
expect_eq last "$ERR"

test_case "a prompt without a newline is seen at once"
expect_ok sandbox run -d --name prompt $run_image sh -c 'printf "name? "; sleep 60'
wait_until 5 sh -c '"$SANDBOX_BIN" logs prompt | grep -q "name? "'
expect_eq "name? " "$(sandbox logs prompt)"

test_case "rm -f ends those who follow"
"$SANDBOX_BIN" logs -f prompt >"$WORK/followed" &
follower=$!
wait_until 20 grep -q 'name? ' "$WORK/followed"
expect_ok sandbox rm -f prompt
wait_until 5 sh -c "! kill -0 $follower 2>/dev/null"
wait $follower
expect_eq 0 $?
expect_eq "name? " "$(cat "$WORK/followed")"

test_case "a follower ends when nobody reads it any more"
expect_ok sandbox run -d --name idle $run_image sh -c 'echo a; echo b; sleep 60'
wait_until 5 sh -c '"$SANDBOX_BIN" logs idle | grep -q b'
expect_eq a "$(timeout 10 sh -c '"$SANDBOX_BIN" logs -f idle | head -n 1')"
expect_ok sandbox rm -f idle

test_case "a flood is followed without a gap, over rotations, and the log stays bounded"
expect_ok sandbox create --name flood --log-opt max-size=1m --log-opt max-file=3 $run_image \
    sh -c 'i=0; while [ $i -lt 40 ]; do seq 5000; i=$((i+1)); sleep 0.05; done'
expect_ok sandbox start flood
timeout 60 "$SANDBOX_BIN" logs -f flood >"$WORK/flood"
expect_eq 200000 "$(wc -l <"$WORK/flood")"
path=$(sandbox inspect --format '{{.LogPath}}' flood)
expect_ok test "$(cat "$path"* | wc -c)" -le 3145728
expect_eq 5000 "$(sandbox logs --tail 1 flood)"
expect_ok sandbox rm flood

test_case "a terminal's output is logged as it was written"
expect_ok sandbox run -d -t --name tty $run_image sh -c 'echo hello; echo err >&2'
sandbox wait tty >/dev/null
expect_eq "$(printf 'hello\r\nerr\r')" "$(sandbox logs tty)"
expect_ok sandbox rm tty

test_case "the log of a second life goes on behind the first"
expect_ok sandbox run -d --name lives $run_image sh -c 'echo life'
sandbox wait lives >/dev/null
expect_ok sandbox start lives
sandbox wait lives >/dev/null
expect_eq "life
life" "$(sandbox logs lives)"
expect_ok sandbox rm lives

test_case "any user inside may open /dev/stdout and /dev/stderr anew"
expect_ok sandbox run -d --name reopen $run_image sh -c 'echo out >/dev/stdout; echo err >/dev/stderr'
sandbox wait reopen >/dev/null
run_rc sandbox logs reopen
expect_eq out "$OUT"
expect_eq err "$ERR"
expect_ok sandbox rm reopen
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_ok sandbox run -d --name other --user 1000 $run_image sh -c 'echo out >/dev/stdout'
    sandbox wait other >/dev/null
    expect_eq out "$(sandbox logs other)"
    expect_ok sandbox rm other
fi
