#!/bin/bash
# A project's volumes: their labels, directories of the host in their place, and their end.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

on_exit sandbox down -q -t 0 -v -f "$WORK/p/compose.yaml"

cat >compose.yaml <<'EOF2'
name: p
services:
  app:
    image: busybox
    command: [sleep, "1000"]
    stop_signal: KILL
    volumes: ["data:/data", "host:/host", "fixed:/fixed"]
volumes:
  data:
    labels: {team: blue}
  host:
    driver_opts: {type: none, o: bind, device: ./here}
  fixed:
    driver_opts: {type: none, o: "bind,ro", device: ./here}
EOF2
labels() { sandbox volume inspect --format '{{json .Labels}}' "$1"; }
project_volumes() { sandbox volume ls -q --filter label=com.docker.compose.project=p; }

test_case "the directory of a volume must be there"
run_rc sandbox up -d -q
expect_eq 1 "$RC"
expect_match 'compose.yaml:11: volume "host": its device ".*/p/here": [Nn]o such file or directory \(make it: mkdir -p .*/p/here\)' "$ERR"
mkdir here
echo outside >here/file

test_case "volumes have their own labels and those of compose"
expect_ok sandbox up -d -q
expect_eq '{"com.docker.compose.project":"p","com.docker.compose.volume":"data","team":"blue"}' \
    "$(labels p_data)"
expect_eq p_data "$(project_volumes)"

test_case "a volume with driver_opts is a directory of the host"
expect_eq outside "$(sandbox exec app cat /host/file)"
expect_ok sandbox exec app sh -c 'echo inside >/host/new'
expect_eq inside "$(cat here/new)"
expect_match 'Read-only' "$(sandbox exec app sh -c 'echo >/fixed/no' 2>&1)"

test_case "other labels in the profile come to a volume that is there"
expect_ok sandbox exec app touch /data/stays
sed 's/team: blue/team: red/' -i compose.yaml
expect_ok sandbox up -d -q --force-recreate
expect_match '"team":"red"' "$(labels p_data)"
expect_eq stays "$(sandbox exec app ls /data)"
expect_ok sandbox down -q

test_case "compose run makes volumes with their labels, too"
expect_ok sandbox volume rm p_data
expect_ok sandbox compose run --rm -T app true
expect_eq p_data "$(project_volumes)"

test_case "down --volumes removes the project's by their labels where there is no profile"
expect_ok sandbox up -d -q
expect_ok sandbox volume create --label com.docker.compose.project=other other
cd "$WORK" || exit 1
expect_ok sandbox compose -p p down
expect_eq p_data "$(project_volumes)"
expect_ok sandbox compose -p p down -v
expect_match 'removed p_data' "$ERR"
expect_eq other "$(sandbox volume ls -q)"
expect_ok sandbox volume rm other
cd p || exit 1
expect_ok sandbox up -d -q
expect_ok sandbox down -q -v -t 0 -p p -f "$WORK/p/compose.yaml"
expect_ok sandbox up -d -q
cd "$WORK" || exit 1
expect_ok sandbox down -q -t 0 -p p -v
expect_eq '' "$(sandbox volume ls -q)"
cd p || exit 1
expect_ok sandbox up -d -q

test_case "down --volumes leaves the host's directory"
expect_ok sandbox down -q -v
expect_eq '' "$(project_volumes)"
expect_eq $'file\nnew' "$(ls here)"

test_case "a volume that is external has to be there"
mkdir "$WORK/external"
cd "$WORK/external" || exit 1
cat >compose.yaml <<'END'
services:
  a:
    image: localhost/busybox
    volumes: ["v:/v"]
    stop_signal: KILL
    command: sleep 1000
volumes:
  v: { external: { name: theirs } }
END
run_rc sandbox up -d
expect_ne 0 "$RC"
expect_match 'there is no volume "theirs", which is external \(make it: sandbox volume create theirs' "$ERR"
expect_ok sandbox volume create theirs
expect_ok sandbox up -d
expect_ok sandbox down -v
expect_ok sandbox volume exists theirs
expect_ok sandbox volume rm theirs

test_case "down --volumes of a service takes its volumes alone, and none that another project has made"
mkdir "$WORK/two" "$WORK/thief"
cd "$WORK/two" || exit 1
cat >compose.yaml <<'END'
services:
  a: { image: localhost/busybox, volumes: ["mine:/v"], stop_signal: KILL, command: sleep 1000 }
  b: { image: localhost/busybox, volumes: ["other:/v"], stop_signal: KILL, command: sleep 1000 }
volumes: { mine: , other: }
END
expect_ok sandbox up -d
expect_ok sandbox down a -v
expect_eq two_other "$(sandbox volume ls -q)"
expect_ok sandbox stop
cd "$WORK/thief" || exit 1
cat >compose.yaml <<'END'
services:
  a: { image: localhost/busybox, volumes: ["v:/v"], stop_signal: KILL, command: sleep 1000 }
volumes: { v: { name: two_other } }
END
expect_ok sandbox up -d
expect_ok sandbox down -v
expect_eq two_other "$(sandbox volume ls -q)"
cd "$WORK/two" || exit 1
expect_ok sandbox down -v
expect_eq '' "$(sandbox volume ls -q)"
