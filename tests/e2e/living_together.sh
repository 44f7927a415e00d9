#!/bin/bash
# Many commands on one container at the same time (C08; C07 is in exec_hostile.sh), and everything
# suspended for a while (F14): all answer and nothing hangs.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
image=localhost/busybox
rounds=${SANDBOX_TEST_ROUNDS:-8}
expect_ok sandbox run -d --name box $image sh -c 'while :; do echo line; sleep 0.05; done'
test_case "what a closed terminal, or a killed caller, leaves of exec -d lives on"
expect_rc 137 setsid -w bash -c '"$SANDBOX_BIN" exec -d box sleep 4986; kill -KILL 0'
left='for p in /proc/[0-9]*; do [ "$(tr "\0" " " <$p/cmdline)" != "sleep 4986 " ] || readlink $p/fd/1; done'
sleep 0.2
expect_ok sandbox exec box sh -c "$left"
expect_eq /dev/null "$OUT"

test_case "all of it suspended for a while: everything goes on"
"$SANDBOX_BIN" logs -f --tail 1 box >followed &
follower=$!
expect_ok wait_until 20 test -s followed
init=$(sandbox inspect --type container --format '{{.State.Pid}}' box)
all="$(awk '/^PPid:/ { print $2 }' "/proc/$init/status") $init $(pgrep -P "$init") $follower"
kill -STOP $all
sleep 1
kill -CONT $all
lines=$(wc -l <followed)
more() { [ "$(wc -l <followed)" -gt $((lines + 5)) ]; }
wait_until 20 more || fail "the log does not go on"
expect_ok sandbox exec box true

test_case "stop while programs are executed in it: all end, with 137 for what was killed"
"$SANDBOX_BIN" exec box sleep 4987 &
execed=$!
expect_ok wait_until 20 sandbox exec box sh -c 'ps | grep -q "[s]leep 4987"'
expect_ok timeout 30 "$SANDBOX_BIN" stop -t 0 box
expect_rc 137 wait $execed
expect_rc 0 wait $follower # the log ends with the container
expect_ok sandbox rm box

test_case "rm -f while its log is followed, waited for and looked at: all end"
for i in $(seq "$rounds"); do
    expect_ok sandbox run -d --name "r$i" $image sh -c 'while :; do echo line; sleep 0.01; done' || break
    timeout 30 "$SANDBOX_BIN" logs -f "r$i" >/dev/null 2>&1 &
    one=$!
    timeout 30 "$SANDBOX_BIN" wait "r$i" >/dev/null 2>&1 &
    two=$!
    timeout 30 "$SANDBOX_BIN" top "r$i" >/dev/null 2>&1 &
    three=$!
    timeout 30 "$SANDBOX_BIN" exec "r$i" sleep 4988 >/dev/null 2>&1 &
    four=$!
    sleep "0.0$((i % 10))"
    expect_ok timeout 30 "$SANDBOX_BIN" rm -f "r$i" || break
    for client in $one $two $three $four; do
        wait "$client"
        [ $? -ne 124 ] || fail "round $i: a command hangs"
    done
    expect_rc 1 sandbox container exists "r$i" || break
done
nobody() { [ "$(pgrep -u "$(id -u)" -f 'sleep 498[678]' | wc -l)" -eq 0 ]; }
wait_until 10 nobody || fail "somebody still sleeps"
