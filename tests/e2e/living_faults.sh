#!/bin/bash
# What is true after a supervisor was killed, suspended or starved: every command tells it, and
# repairs what is left (F06, F09, C09).
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
image=localhost/busybox
nap=4983$$ # nobody else's sleep is that long: what is counted below is ours
store=$XDG_DATA_HOME/sandbox
field() { sandbox inspect --format "{{.$2}}" "$1"; }
has_status() { [ "$(field "$1" State.Status)" = "$2" ]; }
supervisor_of() { awk '/^PPid:/ { print $2 }' "/proc/$(field "$1" State.Pid)/status"; }
dir_of() { echo "$store/containers/$(field "$1" Id)"; }
is_gone() { [ ! -e "/proc/$1" ] || [ "$(awk '/^State:/ { print $2 }' "/proc/$1/status")" = Z ]; }

test_case "a killed supervisor takes its container along, and every command says so"
expect_ok sandbox run -d --name a $image sleep $nap
inner=$(field a State.Pid)
kill -KILL "$(supervisor_of a)"
wait_until 10 is_gone "$inner" || fail "pid 1 lives on"
wait_until 10 has_status a exited
expect_eq "137 its supervisor was killed" "$(sandbox inspect --format '{{.State.ExitCode}} {{.State.Error}}' a)"
expect_match '^Exited \(137\)' "$(sandbox ps -a --format '{{.Status}}')"
expect_eq 137 "$(sandbox wait a)"
expect_ok sandbox stop a
expect_error 1 'is not running' sandbox kill a
expect_eq 137 "$(sandbox events --since 5m --no-stream --filter event=die --format '{{.Actor.Attributes.exitCode}}')"

test_case "pid 1 without our init, with other ids than it began with, goes with its supervisor"
expect_ok sandbox run -d --init=false --name q $image \
    sh -c "echo other:x:1000:1000::/:/bin/sh >>/etc/passwd; exec su -s /bin/sh other -c 'exec sleep $nap'"
q_sleeps() { [ "$(pgrep -f "sleep $nap" | wc -l)" -ge 1 ]; }
wait_until 10 q_sleeps || fail "it does not run"
expect_eq "1 sleep" "$(sandbox exec q sh -c 'echo 1 $(cat /proc/1/comm)')"
kill -KILL "$(supervisor_of q)"
wait_until 10 has_status q exited
q_ended() { [ "$(pgrep -f "sleep $nap" | wc -l)" -eq 0 ]; }
wait_until 10 q_ended || fail "it outlives its supervisor"
expect_ok sandbox rm q

test_case "it can be started again, over what the killed one left"
expect_file "$(dir_of a)/control"
expect_ok sandbox start a
expect_eq running "$(field a State.Status)"
expect_eq "" "$(field a State.Error)"

test_case "one with --rm is removed by whoever comes next"
expect_ok sandbox run -d --rm --name r $image sleep $nap
supervisor=$(supervisor_of r)
kill -KILL "$supervisor"
wait_until 10 is_gone "$supervisor"
sleep 0.2
expect_eq a "$(sandbox ps -a --format '{{.Names}}')"

test_case "a paused one that lost its supervisor is not paused any more"
expect_ok sandbox pause a
kill -KILL "$(supervisor_of a)"
wait_until 10 has_status a exited
expect_eq false "$(field a State.Paused)"
expect_ok sandbox start a

test_case "a suspended supervisor: others wait and say so; rm -f ends it all the same"
supervisor=$(supervisor_of a)
inner=$(field a State.Pid)
kill -STOP "$supervisor"
run_rc timeout -s INT 3 "$SANDBOX_BIN" pause a
expect_match 'waiting for' "$ERR"
expect_ok timeout 30 "$SANDBOX_BIN" rm -f a
wait_until 10 is_gone "$inner" || fail "pid 1 lives on"
expect_rc 1 sandbox container exists a

test_case "a pid that another program has now is never signalled"
expect_ok sandbox run -d --name p $image sleep $nap
kill -KILL "$(supervisor_of p)"
wait_until 10 has_status p exited
sleep 300 &
stranger=$!
sed -i "s/\"status\":\"[a-z]*\"/\"status\":\"running\"/; s/\"pid\":[0-9]*/\"pid\":$stranger/" "$(dir_of p)/state.json"
expect_eq exited "$(field p State.Status)"
expect_rc 1 sandbox kill p
expect_ok sandbox stop -t 0 p
expect_ok sandbox restart -t 0 p
expect_ok sandbox rm -f p
kill -0 "$stranger" || fail "a stranger was killed"
stop_pid "$stranger"

test_case "a damaged or empty state is an ended container that can be started and removed"
expect_ok sandbox create --name d $image sleep $nap
for text in '' '{' '{"status":"flying"}'; do
    printf '%s' "$text" >"$(dir_of d)/state.json"
    expect_eq exited "$(field d State.Status)"
    expect_match 'damaged' "$(field d State.Error)"
    expect_ok sandbox start d
    expect_eq running "$(field d State.Status)"
    expect_ok sandbox stop -t 0 d
done

test_case "a damaged record is no container to start, but one to remove"
id=$(field d Id)
printf '{' >"$store/containers/$id/record.json"
run_rc sandbox start "$id"
expect_ne 0 "$RC"
expect_ok sandbox rm "$id"

test_case "a lock file that somebody removed: the supervisor is still found"
expect_ok sandbox run -d --name l $image sleep $nap
rm "$(dir_of l)/lock"
expect_ok sandbox start l
expect_ok sandbox stop -t 0 l
expect_ok sandbox start l
expect_eq running "$(field l State.Status)"
expect_ok sandbox rm -f l

test_case "killed while it starts, at many moments: what is said is true, and it can be removed"
for i in $(seq 1 25); do
    "$SANDBOX_BIN" run -d --name "s$i" $image sleep $nap >/dev/null 2>&1 &
    caller=$!
    sleep "0.0$((i % 8))$((i * 7 % 10))"
    # The supervisor is the caller's child until the caller has gone.
    victim=$(pgrep -P "$caller" 2>/dev/null | head -n 1)
    [ -n "$victim" ] && kill -KILL "$victim" 2>/dev/null
    wait "$caller" 2>/dev/null
    if sandbox container exists "s$i"; then
        state=$(field "s$i" State.Status)
        expect_match '^(created|running|exited)$' "$state"
        [ "$state" != running ] || expect_file "/proc/$(field "s$i" State.Pid)"
        expect_ok sandbox rm -f "s$i"
    fi
done
expect_eq "" "$(sandbox ps -aq)"
nobody() { [ "$(pgrep -u "$(id -u)" -f "sleep $nap" | wc -l)" -eq 0 ]; }
wait_until 10 nobody || fail "somebody still sleeps"

test_case "the caller killed while it starts: whole or not at all"
for i in $(seq 1 15); do
    "$SANDBOX_BIN" run -d --name "c$i" $image sleep $nap >/dev/null 2>&1 &
    caller=$!
    sleep "0.0$((i % 8))$((i * 7 % 10))"
    kill -KILL "$caller" 2>/dev/null
    wait "$caller" 2>/dev/null
    sandbox container exists "c$i" || continue
    expect_ok timeout 40 "$SANDBOX_BIN" rm -f "c$i"
done
expect_eq "" "$(sandbox ps -aq)"
wait_until 10 nobody || fail "somebody still sleeps"

test_case "Ctrl-C while it starts: no container, no process, no cidfile"
for i in $(seq 1 15); do
    python3 -c 'import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
os.execv(sys.argv[1], sys.argv[1:])' "$SANDBOX_BIN" run -d --cidfile "$WORK/cid$i" --name "i$i" $image sleep $nap >"$WORK/id" 2>/dev/null &
    caller=$!
    sleep "0.0$((i % 8))$((i * 7 % 10))"
    kill -INT "$caller" 2>/dev/null
    wait "$caller" 2>/dev/null
    if [ -s "$WORK/id" ]; then # it was faster
        expect_eq running "$(field "i$i" State.Status)"
        expect_ok sandbox rm -f "i$i"
    else
        expect_no_file "$WORK/cid$i"
        expect_rc 1 sandbox container exists "i$i"
    fi
    rm -f "$WORK/cid$i"
done
expect_eq "" "$(sandbox ps -aq)"
wait_until 10 nobody || fail "somebody still sleeps"

test_case "a hang-up of the terminal is nothing to a supervisor"
expect_ok sandbox run -d --name h $image sleep $nap
kill -HUP "$(supervisor_of h)"
sleep 0.2
expect_eq running "$(field h State.Status)"
expect_ok sandbox rm -f h

test_case "F15 a full disk: it goes on, its end is told truly, and it can be removed"
mkdir "$WORK/small"
cat >"$WORK/full.sh" <<'SCRIPT'
mount -t tmpfs -o size=24m,mode=700 none "$WORK/small" || exit 90
export SANDBOX_STORE=$WORK/small/store
"$SANDBOX_BIN" pull -q "$1" >/dev/null || exit 91
"$SANDBOX_BIN" run -d --name f localhost/busybox sh -c 'trap "exit 5" TERM; echo ready; while :; do sleep 0.05; done' >/dev/null || exit 92
until "$SANDBOX_BIN" logs f | grep -q ready; do sleep 0.05; done
"$SANDBOX_BIN" create --name g localhost/busybox true >/dev/null || exit 93
head -c 100m /dev/zero >"$WORK/small/fill" 2>/dev/null
[ "$("$SANDBOX_BIN" inspect --format '{{.State.Status}}' f)" = running ] || exit 94
"$SANDBOX_BIN" stop f >/dev/null || exit 95
[ "$("$SANDBOX_BIN" inspect --format '{{.State.Status}} {{.State.ExitCode}}' f)" = "exited 5" ] || exit 96
"$SANDBOX_BIN" run -d --name h localhost/busybox sleep 4983 >/dev/null
[ $? -eq 125 ] || exit 97
"$SANDBOX_BIN" container exists h && exit 98
"$SANDBOX_BIN" rm f g >/dev/null || exit 99
rm "$WORK/small/fill"
[ -z "$("$SANDBOX_BIN" ps -aq)" ] || exit 100
"$SANDBOX_BIN" run -d --name h localhost/busybox sleep 4983 >/dev/null || exit 101
"$SANDBOX_BIN" rm -f h >/dev/null || exit 102
SCRIPT
if unshare --user --map-root-user --mount true 2>/dev/null; then
    run_rc unshare --user --map-root-user --mount bash "$WORK/full.sh" "oci:$(image busybox)"
    expect_eq 0 "$RC" "a full disk: $ERR"
else
    skip "no user namespace to mount a small disk in"
fi
