#!/bin/bash
# Health checks: run in the container by its supervisor, seen in inspect, ps and its filter.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
health() { sandbox inspect --type container -f '{{.State.Health.Status}}' "$1"; }
is_health() { [ "$(health "$1")" = "$2" ]; }
on_exit "$SANDBOX_BIN" rm -f well ill slow none

test_case "starting, then healthy; what the test said is kept"
expect_ok sandbox run -d --name well --health-cmd 'echo all is well; test -e /tmp/well' \
    --health-interval 100ms --health-retries 2 $run_image sleep 1000
expect_eq starting "$(health well)"
expect_ok sandbox exec well touch /tmp/well
expect_ok wait_until 20 is_health well healthy
expect_ok sandbox inspect --type container well
expect_match 'all is well' "$OUT"
expect_ok sandbox ps
expect_match '\(healthy\)' "$OUT"
expect_ok sandbox ps -q --filter health=healthy
expect_match '^[0-9a-f]{12}$' "$OUT"

test_case "failures one after the other make it unhealthy, a success heals it"
expect_ok sandbox exec well rm /tmp/well
expect_ok wait_until 20 is_health well unhealthy
expect_ok sandbox ps -q --filter health=unhealthy
expect_ne "" "$OUT"
expect_ok sandbox exec well touch /tmp/well
expect_ok wait_until 20 is_health well healthy

test_case "no more than five outputs are kept, each cut"
outputs() { sandbox inspect --type container -f '{{len .State.Health.Log}}' well; }
has_five() { [ "$(outputs)" = 5 ]; }
expect_ok wait_until 20 has_five
sleep 0.3
expect_eq 5 "$(outputs)"

test_case "a test that takes too long is killed and has failed"
expect_ok sandbox run -d --name slow --health-cmd 'echo begun; sleep 4711' --health-interval 100ms \
    --health-timeout 300ms --health-retries 1 $run_image sleep 1000
expect_ok wait_until 20 is_health slow unhealthy
expect_ok sandbox inspect --type container -f '{{json .State.Health.Log}}' slow
expect_match 'exceeded timeout' "$OUT"
expect_ok sandbox stop -t 0 slow

test_case "what was killed is gone and reaped, though pid 1 reaps nobody and it has other ids"
nap=4711$$
expect_ok sandbox run -d --init=false --name lazy --health-interval 100ms --health-timeout 300ms \
    --health-retries 3 --health-cmd "su -s /bin/sh other -c 'exec sleep $nap'" \
    $run_image sh -c 'echo other:x:1000:1000::/:/bin/sh >>/etc/passwd; exec sleep 1000'
expect_ok wait_until 20 is_health lazy unhealthy
sandbox inspect --type container -f '{{json .State.Health.Log}}' lazy >"$WORK/log"
expect_match 'exceeded timeout' "$(cat "$WORK/log")"
processes=$(sandbox exec lazy ps -o pid,stat,args)
expect_no_match '[[:space:]]Z' "$processes"
expect_ok test "$(grep -c "[s]leep $nap" <<<"$processes")" -le 1 # of the probe that runs now
expect_ok sandbox rm -f -t 0 lazy

test_case "failures of the start period do not count"
expect_ok sandbox run -d --name ill --health-cmd 'exit 3' --health-interval 100ms \
    --health-retries 1 --health-start-period 1m --health-start-interval 100ms $run_image sleep 1000
sleep 1
expect_eq starting "$(health ill)"

test_case "without a check there is no health; bad values are refused"
expect_ok sandbox run -d --name none $run_image sleep 1000
expect_ok sandbox inspect --type container -f '{{json .State}}' none
expect_no_match 'Health' "$OUT"
expect_eq "none <nil>" "$(sandbox inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.State.Health}}' none)"
expect_eq healthy "$(sandbox inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}' well)"
expect_error 1 'no entry for key "Health"' sandbox container inspect -f '{{.State.Health.Status}}' none
expect_rc 125 sandbox run --health-interval soon $run_image true
expect_match 'health-interval' "$ERR"
expect_rc 125 sandbox run --no-healthcheck --health-cmd true $run_image true

test_case "a container that ends while it is probed ends at once"
expect_ok sandbox stop -t 1 well
expect_ok sandbox inspect --type container -f '{{.State.Status}}' well
expect_eq exited "$OUT"
