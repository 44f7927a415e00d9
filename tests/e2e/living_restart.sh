#!/bin/bash
# Restart policies: when a container is started again, how soon, and when it is left alone (F08).
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
image=localhost/busybox
field() { sandbox inspect --format "{{.$2}}" "$1"; }
has_status() { [ "$(field "$1" State.Status)" = "$2" ]; }
lives() { wc -l <"$WORK/lives/$1" 2>/dev/null || echo 0; }
ended() { ! kill -0 "$1" 2>/dev/null; }
lived() { [ "$(lives "$1")" -ge "$2" ]; }
mkdir "$WORK/lives"
# A payload that notes each of its lives.
note='echo life >>/lives/$NAME;'

test_case "on-failure:2 tries twice again, and then leaves it"
expect_ok sandbox run -d --name f --restart on-failure:2 -e NAME=f -v "$WORK/lives:/lives" $image \
    sh -c "$note exit 3"
wait_until 20 has_status f exited
expect_eq 3 "$(lives f)"
expect_eq "2 3" "$(sandbox inspect --format '{{.RestartCount}} {{.State.ExitCode}}' f)"
expect_eq "on-failure 2" \
    "$(sandbox inspect --format '{{.HostConfig.RestartPolicy.Name}} {{.HostConfig.RestartPolicy.MaximumRetryCount}}' f)"

test_case "on-failure leaves a success alone"
expect_ok sandbox run -d --name ok --restart on-failure -e NAME=ok -v "$WORK/lives:/lives" $image \
    sh -c "$note exit 0"
wait_until 20 has_status ok exited
sleep 0.4
expect_eq 1 "$(lives ok)"

test_case "always starts it again, with growing pauses, and stop ends that"
expect_ok sandbox run -d --name a --restart always -e NAME=a -v "$WORK/lives:/lives" $image \
    sh -c "$note exit 0"
wait_until 20 lived a 4
expect_match '^(restarting|running)$' "$(field a State.Status)"
expect_eq true "$(field a State.Running)"
expect_match 'a' "$(sandbox ps --format '{{.Names}}')"
sleep 3
# 0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 3.2 s of pauses: no storm.
[ "$(lives a)" -le 7 ] || fail "$(lives a) lives in a few seconds"
expect_ok sandbox stop a
expect_eq exited "$(field a State.Status)"
before=$(lives a)
sleep 0.5
expect_eq "$before" "$(lives a)"

test_case "pid 1 that is killed from outside is an end like others"
expect_ok sandbox run -d --name k --restart always $image sleep 300
first=$(field k State.Pid)
kill -KILL "$first"
again() {
    local seen
    seen=$(sandbox inspect --format '{{.State.Status}} {{.State.Pid}}' k)
    [[ $seen == running* ]] && [ "$seen" != "running $first" ]
}
wait_until 20 again
expect_eq 1 "$(field k RestartCount)"
expect_eq running "$(field k State.Status)"

test_case "kill with KILL stays an end; start makes it live again"
expect_ok sandbox kill k
expect_eq exited "$(field k State.Status)"
sleep 0.4
expect_eq exited "$(field k State.Status)"
expect_ok sandbox start k
expect_eq "running 0" "$(sandbox inspect --format '{{.State.Status}} {{.RestartCount}}' k)"
expect_ok sandbox restart -t 0 k
expect_eq "running 0" "$(sandbox inspect --format '{{.State.Status}} {{.RestartCount}}' k)"

test_case "at boot: always starts, unless-stopped only what its user has not stopped"
expect_ok sandbox stop -t 0 k
expect_ok sandbox run -d --name u1 --restart unless-stopped $image sleep 300
expect_ok sandbox run -d --name u2 --restart unless-stopped $image sleep 300
expect_ok sandbox stop -t 0 u1
# The machine goes down: nobody is asked.
supervisor=$(awk '/^PPid:/ { print $2 }' "/proc/$(field u2 State.Pid)/status")
kill -KILL "$supervisor"
wait_until 20 has_status u2 exited
expect_ok sandbox start --all --filter restart-policy=unless-stopped
expect_eq "exited running" "$(field u1 State.Status) $(field u2 State.Status)"
expect_ok sandbox rm -f a
expect_ok sandbox start --all --filter restart-policy=always
expect_eq running "$(field k State.Status)"
expect_eq exited "$(field f State.Status)"

test_case "SIGTERM to the supervisor ends the container in good manner, and it is not stopped by its user"
expect_ok sandbox run -d --name t --restart unless-stopped $image \
    sh -c 'trap "exit 6" TERM; echo ready; while :; do sleep 0.05; done'
wait_until 20 sh -c '"$SANDBOX_BIN" logs t | grep -q ready' || fail "it does not begin"
kill -TERM "$(awk '/^PPid:/ { print $2 }' "/proc/$(field t State.Pid)/status")"
wait_until 20 has_status t exited
expect_eq 6 "$(field t State.ExitCode)"
expect_ok sandbox start --all --filter restart-policy=unless-stopped
expect_eq running "$(field t State.Status)"

test_case "a foreground run with a policy ends with its first life, and the others go on behind"
expect_rc 3 sandbox run --name fg --restart on-failure:1 -e NAME=fg -v "$WORK/lives:/lives" $image \
    sh -c "$note exit 3"
wait_until 20 lived fg 2
wait_until 20 has_status fg exited
expect_eq 2 "$(lives fg)"

test_case "who waits for an end hears of the next one, though the container goes on"
deaf='trap "" TERM; sleep 100 & wait; sleep 100'
expect_ok sandbox run -d --name w $image sh -c "$deaf"
"$SANDBOX_BIN" wait w >"$WORK/code" &
waiter=$!
sleep 0.3
expect_ok timeout 20 "$SANDBOX_BIN" restart -t 0 w
wait_until 10 ended "$waiter" || { fail "wait still waits"; kill "$waiter"; }
expect_eq 137 "$(cat "$WORK/code")"
"$SANDBOX_BIN" stop -t 20 w >/dev/null &
waiter=$!
sleep 0.3
expect_ok timeout 20 "$SANDBOX_BIN" restart -t 0 w
wait_until 10 ended "$waiter" || { fail "stop still waits"; kill "$waiter"; }
expect_eq running "$(field w State.Status)"
"$SANDBOX_BIN" restart -t 20 w >/dev/null &
waiter=$!
sleep 0.3
expect_ok timeout 10 "$SANDBOX_BIN" kill w
wait_until 10 ended "$waiter" || { fail "restart still waits"; kill "$waiter"; }
expect_eq running "$(field w State.Status)"
expect_ok sandbox run -d --name w2 --restart always $image sh -c 'sleep 0.7; exit 4'
expect_ok timeout 10 "$SANDBOX_BIN" wait w2
expect_eq 4 "$OUT"
expect_ok sandbox rm -f w w2

test_case "what contradicts itself is refused"
expect_error 125 'contradict' sandbox run -d --rm --restart always $image true
expect_error 125 'unknown policy' sandbox run -d --restart sometimes $image true
expect_error 125 'only on-failure' sandbox create --restart always:3 $image true

for name in f ok k u1 u2 t fg; do expect_ok sandbox rm -f "$name"; done
expect_eq "" "$(sandbox ps -aq)"

test_case "who removes a store by hand is not outlived by what waits to start again"
expect_ok sandbox run -d --name gone --restart always $image false
gone=$OUT
expect_ok sandbox run -d --name half --restart always $image false
half=$OUT
watches_no_more() { ! pgrep -u "$(id -u)" -f "__supervise.*$1" >/dev/null; }
removed() { # what is written meanwhile stands in rm's way
    chmod -R u+rwX "$XDG_DATA_HOME/sandbox/containers/$1"
    rm -rf "$XDG_DATA_HOME/sandbox/containers/$1"
}
for id in "$gone" "$half"; do wait_until 20 pgrep -u "$(id -u)" -f "__supervise.*$id"; done
wait_until 20 removed "$gone" || fail "it cannot be removed"
rm "$XDG_DATA_HOME/sandbox/containers/$half/record.json"
wait_until 70 watches_no_more "$gone" || fail "its supervisor still waits"
wait_until 70 watches_no_more "$half" || fail "its supervisor still waits for what has no record"
