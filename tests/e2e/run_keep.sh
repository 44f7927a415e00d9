#!/bin/bash
# Containers that stay: --name, --keep, --rm, --replace, --cidfile, ps, inspect, rm.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox

test_case "a named container stays with its exit code"
expect_rc 3 sandbox run --name one --label a=b -e X=1 -w /tmp $run_image sh -c 'echo kept >/kept; exit 3'
expect_eq "one" "$(sandbox ps -a --format '{{.Names}}')"
expect_match '^Exited \(3\) ' "$(sandbox ps -a --format '{{.Status}}')"
expect_eq "" "$(sandbox ps -q)"

test_case "inspect speaks docker's words"
expect_eq 3 "$(sandbox inspect --format '{{.State.ExitCode}}' one)"
expect_eq "exited false" "$(sandbox inspect --format '{{.State.Status}} {{.State.Running}}' one)"
expect_eq "/one" "$(sandbox inspect --format '{{.Name}}' one)"
expect_eq b "$(sandbox inspect --format '{{index .Config.Labels "a"}}' one)"
expect_match 'X=1' "$(sandbox inspect --format '{{json .Config.Env}}' one)"
expect_eq /tmp "$(sandbox inspect --format '{{.Config.WorkingDir}}' one)"
expect_match '^sha256:[0-9a-f]{64}$' "$(sandbox inspect --format '{{.Image}}' one)"

test_case "a name can be used once; --replace takes it over"
expect_error 125 '"one" is already in use' sandbox run --name one $run_image true
expect_rc 0 sandbox run --name one --replace $run_image true
expect_eq 0 "$(sandbox inspect --format '{{.State.ExitCode}}' one)"
expect_ok sandbox rm one
expect_error 1 'no such container' sandbox rm one

test_case "--rm removes a named one, --keep keeps a nameless one"
expect_ok sandbox run --rm --name two $run_image true
expect_eq "" "$(sandbox ps -aq)"
expect_ok sandbox run --keep $run_image true
expect_eq 1 "$(sandbox ps -aq | wc -l)"
expect_ok sandbox rm "$(sandbox ps -aq)"

test_case "a run that cannot start keeps no name"
expect_rc 127 sandbox run --name three $run_image nosuch
expect_rc 0 sandbox run --name three $run_image true
expect_ok sandbox rm three

test_case "--cidfile has the id, and is never written over"
expect_ok sandbox run --cidfile "$WORK/cid" --name four $run_image true
expect_eq "$(sandbox inspect --format '{{.Id}}' four)" "$(cat "$WORK/cid")"
expect_error 125 'already exists' sandbox run --cidfile "$WORK/cid" $run_image true
expect_rc 127 sandbox run --cidfile "$WORK/cid2" $run_image nosuch
expect_no_file "$WORK/cid2"
expect_ok sandbox rm four

test_case "a running one is seen as running, is not removed without -f, and goes with it"
rm -f "$WORK/out"
"$SANDBOX_BIN" run --name live $run_image sh -c 'echo ready; exec sleep 300' >"$WORK/out" 2>&1 &
pid=$!
wait_until 20 grep -q ready "$WORK/out"
expect_eq "live running" "$(sandbox ps --format '{{.Names}} {{.State}}')"
expect_eq true "$(sandbox inspect --format '{{.State.Running}}' live)"
inner=$(sandbox inspect --format '{{.State.Pid}}' live)
expect_file "/proc/$inner"
expect_error 2 'is running' sandbox rm live
expect_ok sandbox rm -f live
rc=0
wait "$pid" || rc=$?
expect_eq 137 "$rc"
expect_eq "" "$(sandbox ps -aq)"

test_case "--replace takes the name from a running one too"
rm -f "$WORK/out"
"$SANDBOX_BIN" run --name live $run_image sh -c 'echo ready; exec sleep 300' >"$WORK/out" 2>&1 &
pid=$!
wait_until 20 grep -q ready "$WORK/out"
expect_ok sandbox run --replace --name live $run_image true
rc=0
wait "$pid" || rc=$?
expect_eq 137 "$rc"
expect_ok sandbox rm live

test_case "the image of a kept container cannot be removed, that of a removed one can"
expect_ok sandbox run --name five $run_image true
expect_error 2 'in use' sandbox rmi $run_image
expect_ok sandbox rm five
expect_ok sandbox rmi $run_image
expect_error 125 'no such image' sandbox run --pull never $run_image true
