#!/bin/bash
# Names of services in ps, logs, exec, stop, start, restart, …; `compose`; run-task; env; checkouts.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

mkdir below

started_at() { sandbox inspect --format '{{.State.StartedAt}}' "$1"; }

cat >sandbox.toml <<'EOF2'
name = "p"
[services.db]
image = "busybox"
command = ["sh", "-c", "echo db here; trap 'exit 0' TERM; while :; do sleep 0.05; done"]
[services.web]
image = "busybox"
depends_on = { db = { condition = "ready", restart = true } }
command = ["sh", "-c", "echo web here; trap 'exit 0' TERM; while :; do sleep 0.05; done"]
[services.lone]
image = "busybox"
command = ["sh", "-c", "echo lone here; trap 'exit 0' TERM; while :; do sleep 0.05; done"]
[services.extra]
image = "busybox"
profiles = ["more"]
command = ["sleep", "1000"]
stop_signal = "KILL"
[tasks.migrate]
image = "busybox"
depends_on = ["db"]
environment = { WHAT = "tables" }
command = ["sh", "-c", "echo migrated $$WHAT; exit $${CODE:-0}"]
EOF2

test_case "services' names are heard below the project's directory too"
expect_ok sandbox up -d -q
cd below || exit 1
expect_eq hello "$(sandbox exec web echo hello)"
expect_eq hello "$(sandbox exec p-web-1 echo hello)"
expect_match 'sleep' "$(sandbox top web)"
expect_eq 'p-web-1' "$(sandbox ps --format '{{.Names}}' web)"
expect_eq 'web p' "$(sandbox ps --format '{{.Service}} {{.Project}}' web)"
expect_eq 'web-1 | web here' "$(sandbox logs web)"
expect_eq 'web here' "$(sandbox logs p-web-1)"
expect_eq 'web here' "$(sandbox logs --no-log-prefix web)"
expect_error 125 'no such container: "nothing"' sandbox exec nothing true
expect_error 125 'service "extra" has no container \(make it: sandbox up -d extra\)' \
    sandbox exec extra true
expect_error 125 'service "web" has no container 2' sandbox exec --index 2 web true

test_case "logs without names are those of the project, in the order of time"
expect_eq $'db-1      | db here\nlone-1    | lone here\nmigrate-1 | migrated tables\nweb-1     | web here' \
    "$(sandbox logs | sort)"
cd "$WORK" || exit 1
expect_error 2 'no container named, and there is no project here' sandbox logs
expect_match 'db-1 +\| db here' "$(sandbox logs -p p --file p/sandbox.toml)"
cd p || exit 1

test_case "a container of a service's name that is not the project's is found when the service has none"
expect_ok sandbox run -d --name extra busybox sleep 1000
expect_eq yes "$(sandbox exec extra echo yes)"
expect_ok sandbox rm -f extra

test_case "stop, start and restart of a service leave the others alone, but for who wants to go along"
db=$(started_at p-db-1) web=$(started_at p-web-1) lone=$(started_at p-lone-1)
expect_ok sandbox stop lone
expect_eq exited "$(sandbox inspect --format '{{.State.Status}}' p-lone-1)"
expect_ok sandbox start lone
expect_ne "$lone" "$(started_at p-lone-1)"
expect_eq "$db $web" "$(started_at p-db-1) $(started_at p-web-1)"
expect_ok sandbox restart db
expect_ne "$db" "$(started_at p-db-1)"
expect_ne "$web" "$(started_at p-web-1)"
web=$(started_at p-web-1)
expect_ok sandbox restart --no-deps db
expect_eq "$web" "$(started_at p-web-1)"

test_case "what is made anew takes along who wants it"
sed 's/db here/db again/' -i sandbox.toml
run_rc sandbox up --plan
expect_match 'recreate p-db-1' "$OUT"
expect_match 'restart p-web-1 \("db" is made anew\)' "$OUT"
expect_match 'keep p-lone-1' "$OUT"
expect_ok sandbox up -d -q db
expect_ne "$web" "$(started_at p-web-1)"

test_case "start, restart and kill are about the containers that exist, not about the profile's number"
expect_ok sandbox up -d -q --scale lone=3
expect_ok sandbox stop lone
expect_ok sandbox start lone
expect_eq 3 "$(states | grep -c 'lone.*running')"
lone=$(started_at p-lone-3)
expect_ok sandbox compose restart lone
expect_eq 3 "$(states | grep -c 'lone.*running')"
expect_ne "$lone" "$(started_at p-lone-3)"
expect_ok sandbox stop p-lone-2
expect_ok sandbox pause lone
expect_eq $'p-lone-1 paused\np-lone-2 exited\np-lone-3 paused' "$(states | grep lone)"
expect_ok sandbox unpause lone
expect_ok sandbox kill lone
expect_eq 3 "$(states | grep -c 'lone.*exited')"
run_rc sandbox kill lone
expect_eq 1 "$RC"
expect_match 'container "p-lone-1" is not running' "$ERR"
expect_ok sandbox up -d -q

test_case "stop and start without names are the whole project's"
expect_ok sandbox stop
expect_eq '' "$(states | grep running)"
expect_ok sandbox start
expect_eq $'p-db-1 running\np-lone-1 running\np-web-1 running' "$(states | grep running)"

test_case "compose is another word, with its flags between it and the verb"
expect_ok sandbox compose ps
expect_match 'NAME +IMAGE +COMMAND +SERVICE' "$OUT"
expect_eq $'db\nlone\nweb' "$(sandbox compose ps --services)"
expect_ok sandbox compose -f sandbox.toml --profile more up -d -q
expect_match 'p-extra-1 running' "$(states)"
expect_eq in "$(echo in | sandbox compose exec -T web cat)"
expect_error 2 'no such service: "p-web-1"' sandbox compose exec p-web-1 true
expect_eq 'web-1 | web here' "$(sandbox compose logs -n 1 web)"
expect_match 'p +exited\(1\), running\(4\)' "$(sandbox compose ls)"
expect_eq 'p' "$(sandbox compose ls -q)"
expect_match 'p-web-1 +busybox +latest' "$(sandbox compose images)"
expect_ok sandbox compose rm -sf extra
expect_no_match 'extra' "$(states)"
expect_error 2 'unknown flag: --nonsense' sandbox compose --nonsense ps
expect_error 2 'unknown command: "compose nonsense"' sandbox compose nonsense

test_case "compose top without names is the whole project's"
expect_ok sandbox compose top
expect_eq $'p-db-1\np-lone-1\np-web-1' "$(grep '^p-' <<<"$OUT")"
expect_eq 3 "$(grep -c '^UID' <<<"$OUT")"
expect_ok sandbox compose top web db
expect_eq $'p-db-1\np-web-1' "$(grep '^p-' <<<"$OUT")"
expect_match $'^p-web-1\nPID +COMMAND' "$(sandbox compose top web -o pid,comm)"
expect_error 2 'no such service: "nothing"' sandbox compose top nothing

test_case "compose scale changes the number of containers"
expect_ok sandbox compose scale lone=2
expect_eq $'p-lone-1\np-lone-2' "$(sandbox compose ps --format '{{.Name}}' lone | sort)"
expect_ok sandbox compose scale -q --no-deps lone=1
expect_eq p-lone-1 "$(sandbox compose ps --format '{{.Name}}' lone)"
expect_error 2 'no such service: "nothing"' sandbox compose scale nothing=1
expect_error 2 'invalid number of containers: "lone" \(write SERVICE=NUMBER\)' \
    sandbox compose scale lone

test_case "compose run runs a service once, in a container of its own"
expect_eq once "$(sandbox compose run --rm -T web echo once)"
expect_rc 9 sandbox compose run --rm -e A=9 web sh -c 'exit $A'
expect_eq 4 "$(states | wc -l)"

test_case "run-task runs a task now, and its success counts"
run_rc sandbox run-task migrate
expect_eq '0 migrated tables' "$RC $OUT" "$ERR"
id=$(sandbox inspect --format '{{.Id}}' p-migrate-1)
expect_ok sandbox up -d -q
expect_eq "$id" "$(sandbox inspect --format '{{.Id}}' p-migrate-1)"
expect_eq other "$(sandbox run-task migrate echo other)"
expect_eq "$id" "$(sandbox inspect --format '{{.Id}}' p-migrate-1)"
sed 's/WHAT = "tables"/WHAT = "x", CODE = "7"/' -i sandbox.toml
expect_rc 7 sandbox run-task -q migrate
expect_error 2 '"web" is a service, not a task' sandbox run-task web

test_case "two checkouts of one project do not meet, even when one was down meanwhile"
sed '/name = "p"/d' -i sandbox.toml
mkdir -p "$WORK/a/same" "$WORK/b/same"
printf '[services.s]\nimage = "busybox"\nvolumes = ["data:/data"]\ncommand = ["sleep", "1000"]\nstop_signal = "KILL"\n' \
    | tee "$WORK/a/same/sandbox.toml" >"$WORK/b/same/sandbox.toml"
(cd "$WORK/a/same" && expect_ok sandbox up -d -q && expect_ok sandbox exec s touch /data/a)
(cd "$WORK/b/same" && expect_ok sandbox up -d -q)
expect_eq 2 "$(states | grep -c '^same-.*running')"
expect_match 'same-[0-9a-f]{4}-s-1' "$(states)"
expect_eq '' "$(cd "$WORK/b/same" && sandbox exec s ls /data)"
(cd "$WORK/a/same" && expect_ok sandbox down -q)
expect_eq a "$(cd "$WORK/a/same" && sandbox up -d -q && sandbox exec s ls /data)"
(cd "$WORK/a/same" && expect_ok sandbox down -q -v)
(cd "$WORK/b/same" && expect_ok sandbox down -q -v)
expect_eq '' "$(states | grep same)"

test_case "env says where services are reached"
cat >sandbox.toml <<'EOF2'
name = "p"
[services.db-main]
image = "busybox"
ports = ["39871:5432", "39872:53/udp"]
command = ["sleep", "1000"]
EOF2
expect_eq $'SANDBOX_PROJECT=p\nDB_MAIN_HOST=127.0.0.1\nDB_MAIN_PORT=39871\nDB_MAIN_PORT_5432=39871\nDB_MAIN_PORT_53_UDP=39872' \
    "$(sandbox env)"
expect_match '^export SANDBOX_PROJECT=p' "$(sandbox env --format shell)"
expect_match '"DB_MAIN_PORT": "39871"' "$(sandbox env --format json)"
