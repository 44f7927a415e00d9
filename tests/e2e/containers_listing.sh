#!/bin/bash
# ps, inspect, update and stats: fields, filters and formats agree.
. "$SANDBOX_TESTS/support/lib.sh"
make_image "$PWD/noted" --label maker=me --expose 80/tcp --cmd '["sleep","1000"]' >/dev/null
expect_ok sandbox pull -q "oci:$PWD/noted"
expect_ok sandbox pull -q "oci:$(image busybox)"
names() { sandbox ps -a --format '{{.Names}}' "$@" | sort | tr '\n' ' ' | sed 's/ $//'; }

expect_rc 3 sandbox run --name ended --label a=1 localhost/busybox sh -c 'exit 3'
run_rc sandbox run --name ended-well localhost/busybox true
expect_ok sandbox create --name made -v vol:/data --expose 53/udp localhost/noted
expect_ok sandbox run -d --name runs --label a=1 --label b=2 --restart on-failure:3 localhost/noted
on_exit sandbox rm -f runs

test_case "each filter finds what its field shows"
expect_eq "ended ended-well made runs" "$(names)"
expect_eq "runs" "$(sandbox ps --format '{{.Names}}')"
expect_eq "ended ended-well" "$(names --filter 'name=^ended')"
expect_eq "ended" "$(names --filter 'name=^/ended$')" "docker's names begin with a slash"
expect_eq "ended ended-well" "$(names --filter name=/ended)"
expect_eq "ended runs" "$(names --filter 'name=^/ended$' --filter name=runs)"
expect_eq "ended" "$(names --filter exited=3)"
expect_eq "ended ended-well" "$(names --filter status=exited)"
expect_eq "ended ended-well" "$(names --filter status=stopped)"
expect_eq "made" "$(names --filter status=created)"
expect_eq "runs" "$(names --filter status=running)"
expect_eq "ended runs" "$(names --filter label=a=1)"
expect_eq "runs" "$(names --filter label=a --filter label=b)"
expect_eq "made runs" "$(names --filter ancestor=localhost/noted)"
expect_eq "made" "$(names --filter volume=vol)"
expect_eq "made" "$(names --filter volume=/data)"
expect_eq "runs" "$(names --filter restart-policy=on-failure)"
expect_eq "ended ended-well made runs" "$(names --filter health=none)"
expect_eq "" "$(names --filter health=healthy)"
expect_eq "made runs" "$(names --filter expose=80)"
expect_eq "made" "$(names --filter expose=50-60/udp)"
expect_eq "ended" "$(names --filter before=ended-well)"
expect_eq "made runs" "$(names --filter since=ended-well)"
expect_eq "made" "$(names --filter since=ended-well --filter before=runs)"
id=$(sandbox inspect -f '{{.Id}}' made)
expect_eq "made" "$(names --filter "id=${id:0:10}")"

test_case "ancestor= is the image that has this name, and no other whose name ends so"
expect_ok sandbox tag localhost/noted registry.test/team/busybox
expect_ok sandbox tag localhost/busybox mine/noted
expect_ok sandbox create --name theirs registry.test/team/busybox
expect_eq "made runs theirs" "$(names --filter ancestor=localhost/noted:latest)"
expect_eq "made runs theirs" "$(names --filter ancestor=registry.test/team/busybox)"
expect_eq "ended ended-well" "$(names --filter ancestor=localhost/busybox)"
expect_eq "ended ended-well" "$(names --filter ancestor=docker.io/mine/noted)"
expect_eq "" "$(names --filter ancestor=nothing/busybox)"
expect_eq "" "$(names --filter ancestor=localhost/noted:other)"
expect_ok sandbox rm theirs

test_case "ps takes names and ids, and what is none is an error"
expect_eq "runs" "$(sandbox ps --format '{{.Names}}' "$(sandbox ps -q --filter name=runs)")"
expect_eq "made" "$(sandbox ps -a --format '{{.Names}}' made)"
expect_error 1 'no such container: "name=runs"' sandbox ps -q name=runs

test_case "info counts those that are paused"
expect_ok sandbox pause runs
expect_eq "0 1 3" "$(sandbox info -f '{{.ContainersRunning}} {{.ContainersPaused}} {{.ContainersStopped}}')"
expect_ok sandbox unpause runs
expect_eq "inactive" "$(sandbox info -f '{{.Swarm.LocalNodeState}}')"
expect_match '^[12] (none|cgroupfs)$' "$(sandbox info -f '{{.CgroupVersion}} {{.CgroupDriver}}')"

test_case "platform and health are fields, as docker names them"
expect_eq "$(sandbox images --format '{{.Platform}}' localhost/noted) none" \
    "$(sandbox ps -a --filter name=made --format '{{.Platform}} {{.HealthStatus}}')"
expect_match '"HealthStatus":"none"' "$(sandbox ps -a --filter name=made --format json)"

test_case "a command is shown with its words apart, and cut to docker's width"
expect_eq "\"sh -c 'exit 3'\"" "$(sandbox ps -a --filter name=^ended$ --format '{{.Command}}')"
expect_ok sandbox create --name wordy localhost/busybox sh -c 'echo "a b" && true'
expect_eq '"sh -c '"'"'echo \"a b\" &…"' "$(sandbox ps -l --format '{{.Command}}')"
expect_eq '"sh -c '"'"'echo \"a b\" && true'"'"'"' "$(sandbox ps -l --no-trunc --format '{{.Command}}')"
expect_ok sandbox rm wordy

test_case "a filter that can match nothing is an error"
expect_error 2 'invalid filter "status=runing"' sandbox ps --filter status=runing
expect_error 2 'invalid filter "health=good"' sandbox ps --filter health=good
expect_error 1 'no such container: "nobody"' sandbox ps --filter before=nobody
expect_error 2 'no port' sandbox ps --filter expose=http

test_case "ports that are exposed are shown while it runs"
expect_eq 80/tcp "$(sandbox ps --filter name=runs --format '{{.Ports}}')"
expect_eq "" "$(sandbox ps -a --filter name=made --format '{{.Ports}}')"
expect_eq '{"53/udp":{},"80/tcp":{}}' "$(sandbox inspect -f '{{json .Config.ExposedPorts}}' made)"
expect_eq '{"80/tcp":null}' "$(sandbox inspect -f '{{json .NetworkSettings.Ports}}' runs)"

test_case "sizes are looked up when they are asked for"
expect_ok sandbox run --name writer localhost/busybox sh -c 'head -c 3000000 /dev/zero >/big'
expect_match '^3(\.[0-9]+)?MB \(virtual [0-9.]+MB\)$' \
    "$(sandbox ps -a --filter name=writer --format '{{.Size}}')"
expect_match 'SIZE' "$(sandbox ps -a --size)"
expect_no_match 'SIZE' "$(sandbox ps -a)"
size=$(sandbox inspect --size --type container -f '{{.SizeRw}}' writer)
expect_eq yes "$([ "$size" -ge 3000000 ] && [ "$size" -lt 3200000 ] && echo yes)" "SizeRw $size"
expect_error 1 'SizeRw' sandbox inspect --type container -f '{{.SizeRw}}' writer

test_case "update changes what the next start has, and inspect shows it"
expect_ok sandbox update --memory 64m --cpus 1.5 --pids-limit 99 --restart always made
expect_eq made "$OUT"
expect_eq '67108864 134217728 1500000000 99 always' "$(sandbox inspect \
    -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.RestartPolicy.Name}}' made)"
expect_ok sandbox update --cpu-quota 20000 made
expect_eq '0 20000 67108864' \
    "$(sandbox inspect -f '{{.HostConfig.NanoCpus}} {{.HostConfig.CpuQuota}} {{.HostConfig.Memory}}' made)"
expect_error 1 'invalid value "1k" for --memory' sandbox update --memory 1k made
expect_error 1 'no such container' sandbox update --memory 64m nobody
expect_ok sandbox update --restart no runs
expect_eq no "$(sandbox inspect -f '{{.HostConfig.RestartPolicy.Name}}' runs)"
expect_ok sandbox update --memory 64m runs
expect_match 'warning: --memory: .*: not enforced before its next start' "$ERR"
expect_error 1 'cannot be enforced' sandbox update --memory 64m --strict-limits runs

test_case "stats shows what runs, once or again and again"
expect_ok sandbox run -d --name busy localhost/busybox sh -c 'while :; do :; done'
on_exit sandbox rm -f busy
expect_eq "busy busy" "$(sandbox stats --no-stream --format '{{.Container}} {{.Name}}' busy)"
expect_ok sandbox stats --no-stream
expect_match '^CONTAINER ID +NAME +CPU % +MEM USAGE / LIMIT +MEM % +NET I/O +BLOCK I/O +PIDS' "$OUT"
expect_match 'runs' "$OUT"
expect_no_match 'ended' "$OUT"
expect_match '^busy ([1-9]|[0-9]{2,3})[0-9.]*% [0-9]+$' \
    "$(sandbox stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.PIDs}}' busy)"
expect_match '^[0-9.]+[KM]iB / [0-9.]+GiB$' \
    "$(sandbox stats --no-stream --format '{{.MemUsage}}' runs)"
expect_ok sandbox run -d --name online --network private localhost/busybox sleep 100
run_rc sandbox exec online nc -w 1 "$(sandbox inspect -f '{{.NetworkSettings.Gateway}}' online)" 9
expect_match '^[0-9.]+[kM]?B / [1-9][0-9.]*[kM]?B$' \
    "$(sandbox stats --no-stream --format '{{.NetIO}}' online)"
expect_ok sandbox rm -f online
expect_match '"Name":"made".*"PIDs":"--"' "$(sandbox stats -a --no-stream --format json)"
expect_error 1 'no such container' sandbox stats --no-stream nobody
expect_eq yes "$(timeout -s INT 8 "$SANDBOX_BIN" stats --format '{{.Name}}' runs | head -n 2 | wc -l | grep -qx 2 && echo yes)"
expect_ok sandbox rm -f busy
