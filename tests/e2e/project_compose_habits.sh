#!/bin/bash
# What hands and files that know docker compose say by habit: verbs, flags and keys.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

on_exit sandbox compose -f "$WORK/p/compose.yaml" down -q -t 0 -v

cat >compose.yaml <<'EOF2'
name: p
services:
  web:
    image: busybox
    command: [sh, -c, "echo $$HOME; exec sleep 1000"]
    stop_signal: KILL
    links: ["db:mysql"]
    volumes: ["data:/data"]
  db: { image: busybox, command: [sleep, "1000"], stop_signal: KILL }
volumes: { data: }
EOF2

test_case "a linked service is brought up first, under its other name, and restarts take the other along"
expect_ok sandbox compose up -d -q web
expect_ok sandbox exec web nslookup mysql
before=$(sandbox inspect --format '{{.State.StartedAt}}' p-web-1)
run_rc sandbox compose restart db
expect_eq 0 "$RC" "$ERR"
expect_ne "$before" "$(sandbox inspect --format '{{.State.StartedAt}}' p-web-1)"

test_case "restart and start say what they know: that it was started"
expect_match 'db +started' "$ERR"
expect_no_match 'ready after' "$ERR"
sandbox compose stop db 2>/dev/null
run_rc sandbox compose start db
expect_match 'db +started' "$ERR"
expect_no_match 'ready after' "$ERR"
run_rc sandbox compose up -d --force-recreate db
expect_match 'db +ready after' "$ERR"

test_case "what config writes as JSON is a compose file that means the same"
expect_ok sandbox compose config --format json -o again.json
mkfifo pipe
cat pipe >piped.json &
expect_ok sandbox compose config --format json -o pipe
wait "$!"
expect_ok cmp again.json piped.json
expect_eq fifo "$(stat -c %F pipe)"
expect_match '"echo \$\$HOME; exec sleep 1000"' "$(cat again.json)"
run_rc sandbox compose -f again.json config --format json
expect_eq "$(cat again.json)" "$OUT"
run_rc sandbox compose -f - up --plan <again.json
expect_match 'keep p-web-1' "$OUT"
run_rc sandbox compose -f /dev/stdin convert --services <again.json
expect_eq $'db\nweb' "$OUT"
cp again.json stack.dist
run_rc sandbox compose -f stack.dist config --services
expect_eq $'db\nweb' "$OUT"
expect_error 2 'unknown format "yaml" \(--format json is YAML, too' sandbox config --format yaml
expect_error 2 '--no-interpolate.*sandbox init --from FILE' sandbox compose config --no-interpolate

test_case "images and top are about services, and their ids are listed once"
expect_ok sandbox compose run -d --rm --build --quiet-pull --remove-orphans --name once web sleep 1000
expect_eq $'p-db-1\np-web-1' "$(sandbox compose images --format '{{.ContainerName}}' | sort)"
expect_eq p-db-1 "$(sandbox compose images --format '{{.ContainerName}}' db)"
expect_eq 1 "$(sandbox compose images -q | wc -l)"
expect_no_match once "$(sandbox compose top)"
expect_ok sandbox rm -f once

test_case "create makes what up starts later; volumes and stats are the project's"
expect_ok sandbox compose down -q -t 0
expect_ok sandbox compose create -q --build --quiet-pull -y
expect_eq $'p-db-1 created\np-web-1 created' "$(states)"
expect_ok sandbox compose up -d -q
expect_ok sandbox volume create other
expect_eq p_data "$(sandbox compose volumes -q)"
expect_eq '' "$(sandbox compose volumes -q db)"
expect_ok sandbox run -d --name stranger busybox sleep 1000
expect_eq $'p-db-1\np-web-1' "$(sandbox compose stats --no-stream --format '{{.Name}}' | sort)"
expect_eq p-db-1 "$(sandbox compose stats --no-stream --format '{{.Name}}' db)"

test_case "events are those of the project's containers"
since=$(date +%s)
expect_ok sandbox rm -f stranger
expect_ok sandbox compose kill --remove-orphans db
run_rc sandbox compose events --json --since "$((since - 1))" --until "$(($(date +%s) + 1))" db
expect_match '"service":"db".*"action":"kill"' "$OUT"
expect_no_match stranger "$OUT"
expect_ok sandbox compose up -d -q

test_case "further words that compose's users type are heard"
expect_eq hi "$(sandbox compose exec --no-TTY web echo hi)"
echo text >file
expect_ok sandbox compose cp --index 1 file web:/file
expect_error 1 'service "web" has no container 2' sandbox compose cp --index 2 file web:/file
expect_error 2 'invalid number "0" for --index' sandbox compose port --index 0 web 80
expect_eq '' "$(sandbox compose port --protocol udp --index 1 web)"
expect_eq p "$(sandbox compose ls -q --filter name=p)"
expect_eq '' "$(sandbox compose ls -q --filter name=zz)"
expect_match 'web-1 +\| ' "$(sandbox compose logs --index 1 web)"
expect_eq '' "$(sandbox compose logs --index 2 web)"
expect_ok sandbox compose up -d -q --menu=false --quiet-build
expect_ok sandbox compose pull -q --ignore-buildable --policy missing
expect_error 2 'no such command: "compose publish" \(' sandbox compose publish

test_case "a log driver that is not here is told with its line, and stops its service only"
cat >more.yaml <<'EOF2'
services:
  loud: { image: busybox, logging: { driver: syslog }, ipc: private }
EOF2
run_rc sandbox config -q -f compose.yaml -f more.yaml
expect_eq 2 "$RC"
expect_match 'more.yaml:2:46: there is no log driver "syslog" here' "$ERR"
expect_ok sandbox compose -f compose.yaml -f more.yaml up -d -q web

test_case "watch does what files ask for, and leaves the services running"
mkdir src
cat >watch.yaml <<'EOF2'
services:
  web: { develop: { watch: [{ path: ./src, action: sync, target: /src }] } }
EOF2
"$SANDBOX_BIN" compose -f compose.yaml -f watch.yaml watch >watch.out 2>&1 &
watcher=$!
sleep 1
echo new >src/file
wait_until 20 sandbox exec web test -e /src/file
kill -INT "$watcher"
wait "$watcher"
expect_eq 130 "$?"
expect_match 'p-web-1 running' "$(states)"
