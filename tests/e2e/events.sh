#!/bin/bash
# events: docker's names, filters, formats and windows of time.
. "$SANDBOX_TESTS/support/lib.sh"

began=$(date +%s)
expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
all() { sandbox events --since "$began" --no-stream "$@"; }
actions() { all --format '{{.Type}} {{.Action}}' "$@" | tr '\n' ','; }

test_case "images tell of pull, tag, untag and delete"
expect_eq "image pull," "$(actions --filter type=image)"
expect_ok sandbox tag $run_image localhost/second
expect_ok sandbox untag $run_image localhost/second
expect_match 'image tag,image untag,$' "$(actions --filter type=image)"

test_case "a container's life is told in order, with docker's fields"
expect_rc 3 sandbox run --rm --name short --label tier=front $run_image sh -c 'exit 3'
expect_eq "container create,container start,container die,container destroy," \
    "$(actions --filter container=short)"
expect_eq "3 $run_image front" "$(all --filter event=die --format \
    '{{.Actor.Attributes.exitCode}} {{.From}} {{index .Actor.Attributes "tier"}}')"
line=$(all --filter event=start | tail -n 1)
expect_match '"status":"start","id":"[0-9a-f]{64}"' "$line"
expect_match '"Type":"container","Action":"start","Actor":\{"ID":"[0-9a-f]{64}"' "$line"
expect_match '"time":[0-9]{10},"timeNano":[0-9]{19}\}$' "$line"
expect_eq 3 "$(all --filter label=tier=front | wc -l)"  # all but its removal
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
expect_ok sandbox rm longer
id=$(all --filter event=rename --format '{{.ID}}')
expect_eq "create,start,rename,pause,unpause,kill,die,stop,start,kill,die,destroy," \
    "$(all --filter container="$id" --format '{{.Action}}' | tr '\n' ',')"

test_case "volumes are told of"
expect_ok sandbox volume create data
expect_ok sandbox volume rm data
expect_eq "volume create,volume destroy," "$(actions --filter volume=data)"

test_case "what comes is followed until the time that was given"
"$SANDBOX_BIN" events --filter type=container --format '{{.Action}} {{.Name}}' >"$WORK/live" &
follower=$!
sleep 0.5
expect_ok sandbox run --rm --name seen $run_image true
wait_until 5 grep -q 'destroy seen' "$WORK/live"
kill $follower
expect_eq "create seen,start seen,die seen,destroy seen," "$(tr '\n' ',' <"$WORK/live")"
expect_eq "" "$(timeout 20 "$SANDBOX_BIN" events --until "$(($(date +%s) + 1))")"
expect_error 2 'invalid time' sandbox events --since soon
expect_error 2 'nosuch' sandbox events --filter nosuch=x
