#!/bin/bash
# Detached containers: run -d, create, start, stop, restart, kill, wait, rm, and wrong states.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
image=localhost/busybox
status_of() { sandbox inspect --format '{{.State.Status}}' "$1"; }
# It has set its traps: before, a signal ends it.
is_ready() { "$SANDBOX_BIN" logs "$1" | grep -q ready; }
wait_ready() { wait_until 20 is_ready "$1" || fail "$1 does not begin"; }
state_is() { [ "$(status_of "$1")" = "$2" ]; }

test_case "run -d prints the id alone and leaves a running container"
expect_ok sandbox run -d --name one $image sleep 300
expect_match '^[0-9a-f]{64}$' "$OUT"
id=$OUT
expect_eq running "$(status_of one)"
expect_eq "one running" "$(sandbox ps --format '{{.Names}} {{.State}}')"
expect_match '^Up ' "$(sandbox ps --format '{{.Status}}')"
expect_file "/proc/$(sandbox inspect --format '{{.State.Pid}}' one)"

test_case "ids, id prefixes and names work alike"
expect_eq running "$(status_of "${id:0:12}")"
expect_eq running "$(status_of "$id")"

test_case "start of a running one is fine, stop ends it, stop of a stopped one is fine"
expect_ok sandbox start one
expect_eq one "$OUT"
expect_ok sandbox stop -t 0 one
expect_eq one "$OUT"
# TERM and at once KILL: either may be the one it dies of.
expect_match '^exited (137|143)$' \
    "$(sandbox inspect --format '{{.State.Status}} {{.State.ExitCode}}' one)"
expect_ok sandbox stop one
expect_eq "" "$(sandbox ps -q)"

test_case "start brings it back with its files, and wait answers its exit code"
expect_ok sandbox run -d --name two $image sh -c 'echo x >>/count; exit $(wc -l </count)'
expect_ok sandbox wait two
expect_eq 1 "$OUT"
expect_ok sandbox start two
expect_ok sandbox wait two
expect_eq 2 "$OUT"
expect_match '^Exited \(2\) ' "$(sandbox ps -a --filter name=two --format '{{.Status}}')"

test_case "wait prints one code a line, also for one that runs"
expect_ok sandbox run -d --name three $image sh -c 'trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done'
wait_ready three
sandbox wait two three >"$WORK/codes" &
waiter=$!
sleep 0.3
expect_ok sandbox stop three
wait "$waiter"
expect_eq "2
7" "$(cat "$WORK/codes")"

test_case "wrong states are one clear line"
expect_error 1 '"two" is not running' sandbox kill two
expect_error 1 '"two" is not running' sandbox pause two
expect_error 1 'no such container: "nosuch"' sandbox start nosuch
expect_error 1 'no such container: "nosuch" .*`sandbox ps -a` lists' sandbox stop nosuch
expect_error 1 'no such container: "nosuch"' sandbox kill nosuch
expect_error 1 'no such container: "nosuch"' sandbox wait nosuch
expect_error 1 'no such container: "nosuch"' sandbox restart nosuch
expect_error 1 'invalid signal: NOSUCH' sandbox kill -s NOSUCH one

test_case "rm of a running one needs -f"
expect_ok sandbox start one
expect_error 2 'it is running' sandbox rm one
expect_ok sandbox rm -f one
expect_eq one "$OUT"
expect_rc 1 sandbox container exists one

test_case "kill sends any signal; KILL is the default"
expect_ok sandbox run -d --name k $image sh -c 'trap "touch /got" USR1; trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done'
wait_ready k
expect_ok sandbox kill -s USR1 k
expect_eq running "$(status_of k)"
expect_ok sandbox kill -s SIGTERM k
expect_ok sandbox wait k
expect_eq 3 "$OUT"
expect_ok sandbox start k
expect_ok sandbox kill k
expect_eq "exited 137" "$(sandbox inspect --format '{{.State.Status}} {{.State.ExitCode}}' k)"

test_case "restart restarts a running one and starts a stopped one"
expect_ok sandbox restart -t 1 k
expect_eq running "$(status_of k)"
before=$(sandbox inspect --format '{{.State.Pid}}' k)
expect_ok sandbox restart -t 1 k
expect_eq running "$(status_of k)"
expect_ne "$before" "$(sandbox inspect --format '{{.State.Pid}}' k)"
expect_ok sandbox rm -f k

test_case "--stop-signal and --stop-timeout are obeyed"
expect_ok sandbox run -d --name s --stop-signal USR2 --stop-timeout 30 $image \
    sh -c 'trap "exit 9" USR2; trap "" TERM; echo ready; while :; do sleep 0.05; done'
wait_ready s
expect_ok sandbox stop s
expect_ok sandbox wait s
expect_eq 9 "$OUT"
# Sooner than it would end by itself, and that is sooner than it is killed without the flag.
expect_ok sandbox run -d --name t --stop-timeout 1 $image \
    sh -c 'trap "sleep 9; exit 5" TERM; echo ready; while :; do sleep 0.05; done'
wait_ready t
expect_ok sandbox stop t
expect_eq 137 "$(sandbox wait t)"
expect_ok sandbox rm s t two three

test_case "create makes it, start starts it"
expect_ok sandbox create --name c -e A=1 $image sh -c 'exit 5'
expect_match '^[0-9a-f]{64}$' "$OUT"
expect_eq created "$(status_of c)"
expect_eq "Created" "$(sandbox ps -a --filter name=c --format '{{.Status}}')"
expect_ok sandbox wait c
expect_eq 0 "$OUT"
expect_ok sandbox start c
expect_eq 5 "$(sandbox wait c)"
expect_ok sandbox rm c

test_case "a host directory of -v is made again at start; one of --mount must be there"
expect_ok sandbox create --name bound -v "$WORK/bound:/d" $image ls -d /d
expect_ok rmdir "$WORK/bound"
expect_ok sandbox start -a bound
expect_eq /d "$OUT"
[ -d "$WORK/bound" ] || fail "it is not there"
expect_ok sandbox rm bound
expect_ok sandbox create --name bound --mount "type=bind,src=$WORK/bound,dst=/d" $image ls -d /d
expect_ok rmdir "$WORK/bound"
expect_error 1 'was removed since' sandbox start bound
expect_ok sandbox rm bound

test_case "a name of up to 255 bytes"
long=$(printf 'n%.0s' $(seq 255))
expect_ok sandbox run -d --name "$long" $image sleep 100
id=$OUT
expect_ok sandbox exec "$long" hostname
expect_eq "${id:0:12}" "$OUT"
expect_eq "$long" "$(sandbox ps --format '{{.Names}}' --filter "name=$long")"
expect_ok sandbox rm -f "$long"
expect_error 125 'at most 255' sandbox create --name "n$long" $image true

test_case "what came from the caller is settled when it is made"
mkdir "$WORK/dir"
echo from-host >"$WORK/dir/file"
echo FROM_FILE=yes >"$WORK/env"
(
    cd "$WORK" || exit 1
    MINE=mine "$SANDBOX_BIN" create --name settled -e MINE --env-file env -v ./dir:/there \
        --tmpfs /scratch:size=64k $image sh -c \
        '[ "$MINE" = mine ] && [ "$FROM_FILE" = yes ] && [ "$(cat /there/file)" = from-host ] &&
         mount | grep -q " /scratch .*size=64k" && exit 42' >/dev/null
)
rm "$WORK/env"
expect_ok sandbox start settled
expect_eq 42 "$(sandbox wait settled)"
expect_ok sandbox rm settled

test_case "a volume is filled from the image once, however the first start was made"
# shellcheck disable=SC2016
second='[ -e /home/x ] && { [ ! -e /home/user ]; exit $?; }; [ -d /home/user ] || exit 3; rm -r /home/user; touch /home/x; exit 7'
expect_rc 7 sandbox run --name v1 -v /home $image sh -c "$second"
expect_ok sandbox run -d --name v2 -v /home $image sh -c "$second"
expect_eq 7 "$(sandbox wait v2)"
expect_ok sandbox run -d --name v3 -v named:/home $image sh -c "$second"
expect_eq 7 "$(sandbox wait v3)"
for name in v1 v2 v3; do
    expect_ok sandbox start $name
    expect_eq 0 "$(sandbox wait $name)"
    expect_ok sandbox rm -v $name
done
expect_eq named "$(sandbox volume ls -q)"
expect_ok sandbox volume rm named

test_case "a command that cannot be executed: 127 or 126, and the container stays created"
expect_error 127 'nosuch' sandbox run -d --name bad $image nosuch
expect_eq "created 127" "$(sandbox inspect --format '{{.State.Status}} {{.State.ExitCode}}' bad)"
expect_match 'nosuch' "$(sandbox inspect --format '{{.State.Error}}' bad)"
expect_ok sandbox rm bad
expect_error 126 '/etc' sandbox run -d --name bad $image /etc
expect_ok sandbox rm bad
expect_error 127 'nosuch' sandbox run -d --rm --name bad $image nosuch
expect_rc 1 sandbox container exists bad
expect_error 125 '--nosuch' sandbox run -d --pull never --name bad --network nosuch--nosuch $image true
expect_eq "" "$(sandbox ps -aq)"

test_case "--rm removes a detached one when it ends, and its anonymous volumes"
expect_ok sandbox run -d --rm --name gone -v /data $image sh -c 'touch /data/x; sleep 300'
expect_eq 1 "$(sandbox volume ls -q | wc -l)"
expect_ok sandbox stop -t 0 gone
expect_rc 1 sandbox container exists gone
expect_eq "" "$(sandbox volume ls -q)"
expect_ok sandbox create --rm --name gone $image true
expect_eq created "$(status_of gone)"
expect_ok sandbox start gone
none_left() { [ -z "$(sandbox ps -aq)" ]; }
wait_until 20 none_left || fail "$(sandbox ps -a)"

expect_ok sandbox run -d --rm --name forced $image sleep 300
expect_ok sandbox rm -f forced
expect_eq forced "$OUT"

test_case "--cidfile has the id"
expect_ok sandbox run -d --cidfile "$WORK/cid" --name cid $image sleep 300
expect_eq "$OUT" "$(cat "$WORK/cid")"
expect_error 125 'already exists' sandbox run -d --cidfile "$WORK/cid" $image true
expect_ok sandbox rm -f cid

test_case "rename, running or not; the old name is free again"
expect_ok sandbox run -d --name old $image sleep 300
expect_ok sandbox rename old new
expect_eq running "$(status_of new)"
expect_rc 1 sandbox container exists old
expect_ok sandbox create --name old $image true
expect_error 1 'already in use' sandbox rename old new
expect_error 1 'already in use' sandbox rename new old
expect_ok sandbox stop -t 0 new
expect_ok sandbox rename new newer
expect_eq exited "$(status_of newer)"
expect_ok sandbox rm old newer

test_case "pause stops everything, unpause lets it go on"
expect_ok sandbox run -d --name p -v "$WORK/dir:/there" $image \
    sh -c 'while :; do echo x >>/there/ticks; sleep 0.02; done'
wait_until 10 test -s "$WORK/dir/ticks"
expect_ok sandbox pause p
expect_eq paused "$(status_of p)"
expect_match '\(Paused\)$' "$(sandbox ps --format '{{.Status}}')"
before=$(wc -l <"$WORK/dir/ticks")
sleep 0.3
expect_eq "$before" "$(wc -l <"$WORK/dir/ticks")"
expect_error 1 'already paused' sandbox pause p
expect_error 2 'it is paused' sandbox rm p
expect_ok sandbox unpause p
goes_on() { [ "$(wc -l <"$WORK/dir/ticks")" -gt "$before" ]; }
wait_until 20 goes_on || fail "it does not go on"
expect_error 1 'is not paused' sandbox unpause p
expect_ok sandbox pause p
expect_ok sandbox stop -t 1 p
expect_eq exited "$(status_of p)"
expect_ok sandbox rm p

test_case "the stop signal reaches a paused one, which ends by it; others wait"
expect_ok sandbox run -d --name q $image sh -c 'trap "exit 7" TERM; while :; do sleep 0.05; done'
expect_ok sandbox pause q
expect_ok sandbox kill -s USR2 q
expect_eq paused "$(status_of q)"
expect_ok sandbox kill -s TERM q
has_exited() { [ "$(status_of "$1")" = exited ]; }
wait_until 10 has_exited q || fail "it is still paused"
expect_ok sandbox rm -f q

test_case "nothing of the caller is held: pipes close when run -d returns"
out=$(timeout 20 "$SANDBOX_BIN" run -d --name pipe $image sleep 300 2>&1)
expect_match '^[0-9a-f]{64}$' "$out"
expect_ok sandbox rm -f pipe

test_case "a container that drops every capability under another uid can still be stopped"
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_ok sandbox run -d --name caps --cap-drop ALL --user 1000 --stop-timeout 20 $image \
        sh -c 'trap "exit 4" TERM; echo ready; while :; do sleep 0.05; done'
    wait_ready caps
    expect_ok sandbox stop caps
    expect_eq 4 "$(sandbox wait caps)"
    expect_ok sandbox rm caps
fi

test_case "all at once: stop --all, start --all, container prune"
for i in 1 2 3; do expect_ok sandbox run -d --name "n$i" --label set=a $image sleep 300; done
expect_ok sandbox stop -t 0 --all
expect_eq "" "$(sandbox ps -q)"
expect_ok sandbox start --all
expect_eq 3 "$(sandbox ps -q | wc -l)"
expect_ok sandbox stop -t 0 --filter label=set=a
expect_eq "" "$(sandbox ps -q)"
expect_ok sandbox container prune -f
expect_eq "" "$(sandbox ps -aq)"
