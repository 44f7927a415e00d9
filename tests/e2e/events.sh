#!/bin/bash
# events: docker's names, filters, formats and windows of time.
. "$SANDBOX_TESTS/support/lib.sh"

began=$(date +%s)
expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
all() { sandbox events --since "$began" --no-stream "$@"; }
of() { all --filter container="$1" --format '{{.Action}}' | tr '\n' ','; }
actions() { all --format '{{.Type}} {{.Action}}' "$@" | tr '\n' ','; }

test_case "images tell of pull, tag, untag and delete"
expect_eq "image pull," "$(actions --filter type=image)"
expect_ok sandbox tag $run_image localhost/second
expect_ok sandbox untag $run_image localhost/second
expect_match 'image tag,image untag,$' "$(actions --filter type=image)"

test_case "a container's life is told in order, with docker's fields"
expect_rc 3 sandbox run --rm --name short --label tier=front $run_image sh -c 'exit 3'
expect_eq "create,attach,start,die,destroy," "$(of short)"
expect_eq "3 0 $run_image front" "$(all --filter event=die --format \
    '{{.Actor.Attributes.exitCode}} {{.Actor.Attributes.execDuration}} {{.From}} {{index .Actor.Attributes "tier"}}')"
line=$(all --filter event=start | tail -n 1)
expect_match '"status":"start","id":"[0-9a-f]{64}"' "$line"
expect_match '"Type":"container","Action":"start","Actor":\{"ID":"[0-9a-f]{64}"' "$line"
expect_match '"time":[0-9]{10},"timeNano":[0-9]{19}\}$' "$line"
expect_eq 5 "$(all --filter label=tier=front | wc -l)"
expect_eq "$run_image short" "$(all --filter label=tier=front --filter event=destroy --format \
    '{{.From}} {{.Actor.Attributes.name}}')"
expect_eq "" "$(all --filter label=tier=back)"
expect_eq "" "$(all --filter container=short --until 10m)"

test_case "detached ones tell of stop, kill, pause and rename, too"
expect_ok sandbox run -d --name long $run_image sleep 100
expect_ok sandbox rename long longer
expect_ok sandbox pause longer
expect_ok sandbox unpause longer
expect_ok sandbox stop -t 1 longer
expect_ok sandbox start longer
expect_ok sandbox kill longer
expect_ok sandbox rename longer longest
expect_ok sandbox rm longest
id=$(all --filter event=rename --format '{{.ID}}' | head -n 1)
expect_eq "create,start,rename,pause,unpause,kill,die,stop,start,kill,die,rename,destroy," "$(of "$id")"
expect_eq "/long /longer " \
    "$(all --filter event=rename --format '{{.Actor.Attributes.oldName}}' | tr '\n' ' ')"

test_case "what is executed in it is told, with its end, also when its caller has gone"
expect_ok sandbox run -d --name box --health-cmd 'test -e /tmp/well' --health-interval 100ms \
    --health-retries 1 -v kept:/kept $run_image sleep 1000
expect_rc 4 sandbox exec box sh -c 'exit 4'
expect_ok sandbox exec -d box sh -c 'sleep 0.1; exit 6'
ends() { all --filter event=exec_die --format '{{.Actor.Attributes.exitCode}}' | tr '\n' ','; }
two_ends() { [ "$(ends)" = 4,6, ]; }
expect_ok wait_until 20 two_ends
expect_eq "exec_create: sh -c exit 4,exec_start: sh -c exit 4,exec_die," "$(all --filter container=box \
    --filter event=exec_create --filter event=exec_start --filter event=exec_die \
    --format '{{.Action}}' | head -n 3 | tr '\n' ',')"
expect_eq 3 "$(all --format '{{index .Actor.Attributes "execID"}}' | grep -cx "$(all \
    --filter event=exec_die --format '{{.Actor.Attributes.execID}}' | tail -n 1)")"

test_case "networks are told of: made, joined, left, removed"
expect_ok sandbox network create net
expect_ok sandbox run --rm --name member --network net $run_image true
expect_ok sandbox network rm net
expect_eq "create,connect,disconnect,destroy," \
    "$(all --filter network=net --format '{{.Action}}' | tr '\n' ',')"
expect_eq "$(all --filter container=member --filter event=create --format '{{.ID}}')" \
    "$(all --filter type=network --filter event=disconnect --filter network=net \
        --format '{{.Actor.Attributes.container}}')"

test_case "health is told when it changes, not with each test"
health() { all --filter event=health_status --format '{{.Action}}' | tr '\n' ','; }
unwell() { [ "$(health)" = "health_status: unhealthy," ]; }
well() { [ "$(health)" = "health_status: unhealthy,health_status: healthy," ]; }
expect_ok wait_until 20 unwell
expect_ok sandbox exec box touch /tmp/well
expect_ok wait_until 20 well

test_case "update, top, copies, export and commit are told, and volumes that are mounted"
expect_ok sandbox update --restart no box
expect_ok sandbox top box
expect_ok bash -c "'$SANDBOX_BIN' cp box:/tmp/well - >copy && '$SANDBOX_BIN' cp - box:/tmp <copy"
expect_ok bash -c "'$SANDBOX_BIN' export box >tree"
expect_ok sandbox commit -q -m why box localhost/changed
expect_ok sandbox rm -f box
expect_match 'update,top,archive-path,extract-to-dir,export,pause,commit,unpause,kill,(health_status: unhealthy,)?die,destroy,$' "$(of box)"
expect_eq why "$(all --filter event=commit --format '{{.Actor.Attributes.comment}}')"
expect_eq "create mount unmount " \
    "$(all --filter volume=kept --format '{{.Action}}' | tr '\n' ' ')"
expect_eq "/kept true" "$(all --filter event=mount --format \
    '{{.Actor.Attributes.destination}} {{index .Actor.Attributes "read/write"}}')"

test_case "terminals: attach, resize and detach"
tty() { python3 "$SANDBOX_TESTS/support/terminal.py" "$@"; }
expect_ok sandbox run -dit --name shell $run_image sh
expect_rc 0 tty 'send:echo up\r' 'expect:up\r\nup' 'send:\x10\x11' -- "$SANDBOX_BIN" attach shell
expect_ok sandbox rm -f shell
expect_eq "create,start,attach,resize,detach,kill,die,destroy," "$(of shell)"
expect_eq "24x80" "$(all --filter event=resize --format \
    '{{.Actor.Attributes.height}}x{{.Actor.Attributes.width}}')"
expect_rc 0 tty 'expect:ready' 'size:30x90' 'expect:30 90' -- "$SANDBOX_BIN" run --rm --name term \
    $run_image sh -c 'trap "stty size; exit 0" WINCH; echo ready; while :; do sleep 0.05; done'
expect_eq "create,attach,start,resize,resize,die,destroy," "$(of term)"

test_case "prunes are told with what they gave back"
expect_ok sandbox run --name done $run_image sh -c 'head -c 100000 /dev/zero >/data'
expect_ok sandbox container prune -f --filter label!=kept
expect_match 'Total reclaimed space: 1[0-9][0-9].*kB' "$OUT"
expect_match '^1[0-9]{5}$' "$(all --filter type=container --filter event=prune --format '{{.Actor.Attributes.reclaimed}}')"
expect_ok sandbox volume create --label keep=yes kept2
expect_ok sandbox volume prune -f --filter all=1 --filter label!=keep
expect_eq kept2 "$(sandbox volume ls -q)"
expect_ok sandbox volume rm kept2
expect_ok sandbox image prune -f -a --filter label=nosuch
expect_match busybox "$(sandbox images)"
expect_error 2 'invalid time' sandbox image prune -f --filter until=soon
expect_error 2 'nosuch' sandbox system prune -f --filter nosuch=x
expect_ok sandbox image prune -f
expect_eq 2 "$(all --filter type=image --filter event=prune | wc -l)"

test_case "volumes are told of"
expect_ok sandbox volume create data
expect_ok sandbox volume rm data
expect_eq "volume create,volume destroy," "$(actions --filter volume=data)"

test_case "what comes is followed until the time that was given"
"$SANDBOX_BIN" events --filter type=container --format '{{.Action}} {{.Name}}' >"$WORK/live" &
follower=$!
wait_until 20 has_open $follower /events/log
expect_ok sandbox run --rm --name seen $run_image true
wait_until 5 grep -q 'destroy seen' "$WORK/live"
kill $follower
expect_eq "create seen,attach seen,start seen,die seen,destroy seen," "$(tr '\n' ',' <"$WORK/live")"

test_case "what comes is shown although the clock was set back meanwhile"
"$SANDBOX_BIN" events --format '{{.Action}} {{.ID}}' >"$WORK/back" &
follower=$!
wait_until 20 has_open $follower /events/log
expect_ok sandbox volume create late
# As a process would write it whose clock says 1970.
tail -n 1 "$XDG_DATA_HOME/sandbox/events/log" |
    sed 's/"time":[0-9]*/"time":7/; s/"timeNano":[0-9]*/"timeNano":7000000000/; s/late/early/g' \
        >>"$XDG_DATA_HOME/sandbox/events/log"
wait_until 5 grep -q 'create early' "$WORK/back"
kill $follower
expect_eq "create late,create early," "$(tr '\n' ',' <"$WORK/back")"
expect_ok sandbox volume rm late

test_case "a time in the future ends it, and words that are no time are refused"
expect_eq "" "$(timeout 20 "$SANDBOX_BIN" events --until "$(($(date +%s) + 1))")"
expect_error 2 'invalid time' sandbox events --since soon
expect_error 2 'nosuch' sandbox events --filter nosuch=x
