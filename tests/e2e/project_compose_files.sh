#!/bin/bash
# Projects whose compose files name further files.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

on_exit sandbox down -q -t 0 -v -f "$WORK/p/compose.yaml"
mkdir -p common/data sub

test_case "a service of another file has that file's paths, and runs"
echo FROM=common >common/base.env
echo data >common/data/file
cat >common/base.yaml <<'EOF2'
services:
  base:
    image: busybox
    command: [sleep, "1000"]
    stop_signal: KILL
    env_file: base.env
    volumes: ["./data:/data:ro"]
    environment: { ONE: base, TWO: base }
EOF2
cat >compose.yaml <<'EOF2'
name: p
services:
  app:
    extends: { file: common/base.yaml, service: base }
    environment: { TWO: app }
EOF2
cd sub || exit 1
expect_ok sandbox up -d -q
expect_eq $'common base app\ndata' \
    "$(sandbox exec app sh -c 'echo $FROM $ONE $TWO; cat /data/file')"
cd .. || exit 1

test_case "what is extended in vain is told with its place and stops its own service only"
cat >more.yaml <<'EOF2'
services:
  lost:
    extends: { file: common/base.yaml, service: bas }
  other:
    image: busybox
    command: [sleep, "1000"]
    stop_signal: KILL
EOF2
expect_ok sandbox up -d -q -f compose.yaml -f more.yaml other
run_rc sandbox up -d -q -f compose.yaml -f more.yaml lost
expect_eq 2 "$RC"
expect_match 'more.yaml:3:49: there is no service "bas" in "common/base.yaml" to extend \(did you mean "base"\?\)' "$ERR"
expect_ok sandbox down -q -f compose.yaml -f more.yaml

test_case "COMPOSE_FILE and COMPOSE_PROFILES of .env are heard behind compose, below environment and flags"
cat >two.yaml <<'EOF2'
services:
  two: { image: busybox }
  grouped: { image: busybox, profiles: [group] }
EOF2
printf 'COMPOSE_FILE=more.yaml:two.yaml\nCOMPOSE_PROFILES=group\n' >.env
run_rc sandbox compose config --services
expect_eq $'grouped\nlost\nother\ntwo' "$OUT"
run_rc env COMPOSE_FILE=two.yaml COMPOSE_PROFILES= "$SANDBOX_BIN" compose config --services
expect_eq two "$OUT"
run_rc env COMPOSE_FILE=more.yaml "$SANDBOX_BIN" compose -f two.yaml --profile none config --services
expect_eq two "$OUT"
run_rc sandbox config --services
expect_eq app "$OUT"
rm .env

test_case "blanks beside the commas of COMPOSE_PROFILES do not matter"
cat >groups.yaml <<'EOF2'
services:
  one: { image: busybox, profiles: [g] }
  two: { image: busybox, profiles: [h] }
EOF2
run_rc env COMPOSE_PROFILES=' g , h' "$SANDBOX_BIN" compose -f groups.yaml config --services
expect_eq $'one\ntwo' "$OUT"
rm groups.yaml

test_case "compose looks for the files in the directory that --project-directory names"
cp two.yaml sub/compose.yaml
run_rc sandbox compose --project-directory sub config --services
expect_eq two "$OUT"

test_case "an included project has paths and variables of its own, and joins the others"
mkdir -p part/data
echo part >part/data/file
echo 'WORD=part' >part/.env
cat >part/compose.yaml <<'EOF2'
services:
  part:
    image: busybox
    command: [sleep, "1000"]
    stop_signal: KILL
    volumes: ["./data:/data:ro"]
    environment: { WORD: "${WORD}" }
EOF2
cat >compose.yaml <<'EOF2'
name: p
include: [part/compose.yaml]
services:
  app:
    image: busybox
    command: [sleep, "1000"]
    stop_signal: KILL
    depends_on: [part]
EOF2
expect_ok sandbox up -d -q
expect_eq $'part\npart' "$(sandbox exec part sh -c 'echo $WORD; cat /data/file')"
expect_ok sandbox exec app nslookup part
run_rc env WORD=caller "$SANDBOX_BIN" config --format json
expect_match '"WORD": "caller"' "$OUT"
expect_ok sandbox down -q

test_case "a service of two files is an error that names both, and a circle one that names it"
printf '  part: { image: other }\n' >>compose.yaml
run_rc sandbox up -d
expect_eq 2 "$RC"
expect_match 'compose.yaml:9:3: service "part" is another one in the included part/compose.yaml:2 ' "$ERR"
echo 'include: [../compose.yaml]' >part/compose.yaml
run_rc sandbox config -q
expect_eq 2 "$RC"
expect_match 'files include each other in a circle: compose.yaml → part/compose.yaml → compose.yaml' "$ERR"

test_case "init --from says which paths and variables a profile cannot have"
printf 'services: { part: { image: busybox } }\n' >part/compose.yaml
sed '$d' -i compose.yaml
run_rc sandbox init --from compose.yaml -o -
expect_eq 1 "$RC"
expect_match '\[services.part\]' "$OUT"
expect_match 'part/compose.yaml: variables of its own: a profile has one file of them' "$ERR"

test_case "a later file lifts what an earlier one asks for in vain"
cat >compose.yaml <<'EOF2'
name: p
services:
  app:
    image: busybox
    command: [sleep, "1000"]
    stop_signal: KILL
    pid: host
    environment: { ONE: one, TWO: two }
EOF2
run_rc sandbox up -d -q
expect_eq 2 "$RC"
expect_match 'compose.yaml:7:5: "services.app.pid" cannot be done here' "$ERR"
cat >compose.override.yaml <<'EOF2'
services:
  app:
    pid: !reset null
    environment: !override { TWO: other }
EOF2
expect_ok sandbox up -d -q
expect_eq '-other' "$(sandbox exec app sh -c 'echo $ONE-$TWO')"
expect_ok sandbox down -q
rm compose.override.yaml

test_case "-f - is a compose file on standard input, of the working directory"
cat >generated <<'EOF2'
name: p
services:
  app:
    image: busybox
    command: [sleep, "1000"]
    stop_signal: KILL
    volumes: ["./part/data:/data"]
    environment: { TWO: generated }
EOF2
expect_ok sandbox up -d -q -f - <generated
expect_eq $'generated\npart' "$(sandbox exec app sh -c 'echo $TWO; cat /data/file')"
expect_eq "$WORK/p" "$(sandbox inspect \
    --format '{{index .Config.Labels "com.docker.compose.project.working_dir"}}' p-app-1)"
sed -i 's,part/data,data,' generated
run_rc sandbox compose -f part/compose.yaml -f - config --format json <generated
expect_match "$WORK/p/part/data:/data" "$OUT"
expect_ok sandbox down -q -p p
run_rc sandbox config -q -f - <<<'services: { app: { imgae: x } }'
expect_eq 2 "$RC"
expect_match 'standard input:1:20: unknown key "imgae" in service "app" \(did you mean "image"\?\)' "$ERR"
run_rc sandbox config -q -f - </dev/null
expect_match 'standard input: not a compose file' "$ERR"
run_rc sandbox config -q -f - -f - </dev/null
expect_match '[-]f - names standard input twice \(it can be read once\)' "$ERR"
