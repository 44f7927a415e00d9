#!/bin/bash
# `up` and `down`: order, readiness, tasks, changes, failures, the foreground.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

id_of() { sandbox inspect --format '{{.Id}}' "$1"; }

profile() { # WEB_COMMAND
    cat >sandbox.toml <<EOF
name = "p"
[services.web]
image = "busybox"
depends_on = ["migrate"]
volumes = ["data:/data"]
expose = [8080]
command = ["sh", "-c", "cat /data/order; sleep 0.4; exec httpd -f -p 8080"]
$1
[services.db]
image = "busybox"
volumes = ["data:/data"]
command = ["sh", "-c", "echo db >/data/order; exec sleep 1000"]
stop_signal = "KILL"
[tasks.migrate]
image = "busybox"
depends_on = ["db"]
volumes = ["data:/data"]
command = ["sh", "-c", "sleep 0.1; echo migrate >>/data/order"]
EOF
}

test_case "up -d starts in order and returns when what listens listens and tasks are done"
profile ''
run_rc sandbox up -d
expect_eq 0 "$RC" "$ERR"
expect_eq '' "$OUT"
expect_match 'web +creating p-web-1' "$ERR"
expect_match 'web +ready after 0\.[4-9]' "$ERR"
expect_eq $'p-db-1 running\np-migrate-1 exited\np-web-1 running' "$(states)"
expect_eq $'db\nmigrate' "$(sandbox logs p-web-1)"

test_case "up again changes nothing and is quiet about what is as it should be"
before=$(id_of p-web-1)
task=$(id_of p-migrate-1)
run_rc sandbox up -d
expect_eq 0 "$RC" "$ERR"
expect_eq "$before $task" "$(id_of p-web-1) $(id_of p-migrate-1)"

test_case "--plan says what would be done and does nothing"
profile 'environment = { A = "1" }'
run_rc sandbox up --plan
expect_eq $'keep p-db-1\nkeep p-migrate-1\nrecreate p-web-1 (its description has changed)' "$OUT"
expect_eq "$before" "$(id_of p-web-1)"

test_case "what has changed is made anew, and only that"
db=$(id_of p-db-1)
expect_ok sandbox up -d -q
expect_ne "$before" "$(id_of p-web-1)"
expect_eq "$db" "$(id_of p-db-1)"

test_case "a container that was killed is started again by the next up"
expect_ok sandbox kill p-db-1
expect_ok sandbox up -d -q
expect_eq "$db" "$(id_of p-db-1)"
expect_eq running "$(sandbox inspect --format '{{.State.Status}}' p-db-1)"

test_case "more are made and fewer are kept"
expect_ok sandbox up -d -q --scale db=3
expect_eq $'p-db-1 running\np-db-2 running\np-db-3 running' "$(states | grep db)"
expect_ok sandbox up -d -q
expect_eq 'p-db-1 running' "$(states | grep db)"

test_case "down removes the containers and keeps the data, -v removes it too"
expect_ok sandbox down -q -t 1
expect_eq '' "$(states)"
expect_eq p_data "$(sandbox volume ls -q)"
expect_ok sandbox down -q -v
expect_eq '' "$(sandbox volume ls -q)"

test_case "a task that fails is told with its code and its last lines, and nothing behind it starts"
cat >sandbox.toml <<'EOF'
name = "p"
[tasks.bad]
image = "busybox"
command = ["sh", "-c", "echo the reason; exit 7"]
[services.web]
image = "busybox"
depends_on = ["bad"]
command = ["sleep", "1000"]
EOF
run_rc sandbox up -d
expect_eq 1 "$RC"
expect_match 'bad failed: it has ended with 7' "$ERR"
expect_match 'log \| the reason' "$ERR"
expect_match 'web +not started, because of bad' "$ERR"
expect_eq 'p-bad-1 exited' "$(states)"
expect_ok sandbox down -q

test_case "what never listens is given up with what was waited for"
cat >sandbox.toml <<'EOF'
name = "p"
[services.deaf]
image = "busybox"
expose = [81]
command = ["sh", "-c", "echo up and deaf; exec sleep 1000"]
EOF
run_rc sandbox up -d --wait-timeout 1
expect_eq 1 "$RC"
expect_match 'deaf failed: 81/tcp not listening yet' "$ERR"
expect_match 'log \| up and deaf' "$ERR"
expect_ok sandbox down -q -t 0
sed 's/^expose.*/ready = { port = 82 }/' -i sandbox.toml
run_rc timeout 60 "$SANDBOX_BIN" up -d --wait-timeout 1
expect_eq 1 "$RC"
expect_match 'deaf failed: 82/tcp not listening yet' "$ERR"
expect_ok sandbox down -q -t 0

test_case "a port that nobody listens on keeps up for ten seconds, and nobody who needs the start alone"
port=$(free_port)
cat >open.yaml <<EOF
name: p
services:
  app: { image: busybox, command: sleep 1000, stop_signal: KILL, ports: ["$port:3000"] }
  web: { image: busybox, command: sleep 1000, stop_signal: KILL, depends_on: [app] }
EOF
begin=$SECONDS
run_rc sandbox up -d -f open.yaml
expect_eq 0 "$RC" "$ERR"
took=$((SECONDS - begin))
[ "$took" -ge 9 ] && [ "$took" -le 20 ] || fail "it took $took s"
expect_match 'app +p-app-1 is not ready, which nobody waits for: 3000/tcp not listening yet' "$ERR"
expect_eq 'app waiting:' "$(awk '/waiting:/ { print $1, $2 }' <<<"$ERR")"
expect_match $'web +ready after.*\n.*waiting:' "$ERR"
expect_eq $'p-app-1 running\np-web-1 running' "$(states)"
begin=$SECONDS
run_rc sandbox up -d -f open.yaml
expect_eq 0 "$RC" "$ERR"
[ $((SECONDS - begin)) -le 5 ] || fail "one that has run for long is waited for again"
expect_match 'p-app-1 is not ready, which nobody waits for' "$ERR"
run_rc sandbox up -d --wait --wait-timeout 1 -f open.yaml
expect_eq 1 "$RC"
expect_match 'app failed: 3000/tcp not listening yet' "$ERR"
expect_ok sandbox down -q -f open.yaml
begin=$SECONDS
expect_eq 'here' "$(sandbox compose -f open.yaml run --rm -T web echo here)"
[ $((SECONDS - begin)) -le 5 ] || fail "a run waits for more than its dependencies' start"
expect_ok sandbox down -q -f open.yaml

test_case "who waits for a service to be ready waits for its port"
cat >sandbox.toml <<'EOF'
name = "p"
[services.deaf]
image = "busybox"
expose = [81]
command = ["sleep", "1000"]
stop_signal = "KILL"
[services.patient]
image = "busybox"
depends_on = ["deaf"]
[services.hasty]
image = "busybox"
depends_on = { deaf = { condition = "started" } }
command = ["sleep", "1000"]
stop_signal = "KILL"
EOF
run_rc sandbox up -d --wait-timeout 1
expect_eq 1 "$RC"
expect_match 'patient +not started, because of deaf: 81/tcp not listening yet' "$ERR"
expect_eq $'p-deaf-1 running\np-hasty-1 running' "$(states)"
expect_ok sandbox down -q

test_case "an image that cannot be had fails before anything is started"
printf 'name = "p"\n[services.a]\nimage = "localhost:1/none"\npull_policy = "never"\n' >sandbox.toml
run_rc sandbox up -d
expect_eq 1 "$RC"
expect_match 'a failed: .*no such image' "$ERR"
expect_eq '' "$(states)"

test_case "in the foreground the logs are shown with names, and Ctrl-C stops all"
cat >sandbox.toml <<'EOF'
name = "p"
[services.one]
image = "busybox"
command = ["sh", "-c", "trap 'echo bye; exit 0' TERM; echo hello; while :; do sleep 0.1; done"]
[services.second]
image = "busybox"
command = ["sh", "-c", "trap 'exit 0' TERM; echo there; while :; do sleep 0.1; done"]
EOF
"$SANDBOX_BIN" up >"$WORK/up.out" 2>"$WORK/up.err" &
up=$!
wait_until 20 grep -q there "$WORK/up.out"
wait_until 20 grep -q hello "$WORK/up.out"
kill -INT "$up"
wait "$up"
expect_eq 130 "$?"
expect_match '(^|'$'\n'')one-1    \| hello' "$(cat "$WORK/up.out")"
expect_match '(^|'$'\n'')second-1 \| there' "$(cat "$WORK/up.out")"
expect_match 'one-1    \| bye' "$(cat "$WORK/up.out")"
expect_eq $'p-one-1 exited\np-second-1 exited' "$(states)"
expect_ok sandbox down -q

test_case "--exit-code-from ends with that service's code"
cat >sandbox.toml <<'EOF'
name = "p"
[services.tests]
image = "busybox"
command = ["sh", "-c", "sleep 0.3; exit 5"]
[services.helper]
image = "busybox"
command = ["sleep", "1000"]
stop_signal = "KILL"
EOF
expect_rc 5 sandbox up -q --exit-code-from tests
expect_eq $'p-helper-1 exited\np-tests-1 exited' "$(states)"
expect_ok sandbox down -q

test_case "two projects with the same services do not meet"
sed 's/sleep 0.3; exit 5/sleep 1000/' -i sandbox.toml
expect_ok sandbox up -d -q -p left
expect_ok sandbox up -d -q -p right
expect_eq 4 "$(states | grep -c running)"
expect_ok sandbox down -q -t 0 -p left
expect_eq 2 "$(states | grep -c right)"
expect_ok sandbox down -q -t 0 -p right
expect_eq '' "$(states)"

test_case "checks, ports, limits, logging and secrets of a profile reach the container"
port=$(free_port)
echo hush >password
cat >sandbox.toml <<EOF
name = "p"
[services.web]
image = "busybox"
command = ["sh", "-c", "echo page >index.html; sleep 0.3; touch /tmp/up; exec httpd -f -p 8080"]
ports = ["$port:8080"]
ready = { command = ["test", "-e", "/tmp/up"], interval = "100ms", retries = 50 }
secrets = ["password"]
pids_limit = 77
restart = "on-failure:3"
logging = { options = { max-size = "1m" } }
[services.odd]
image = "busybox"
command = ["sleep", "1000"]
healthcheck = { test = "echo no; exit 3", interval = "50ms", retries = 2 }
[secrets.password]
file = "./password"
EOF
expect_ok sandbox up -d -q web
expect_eq healthy "$(sandbox inspect --format '{{.State.Health.Status}}' p-web-1)"
expect_eq hush "$(sandbox exec p-web-1 cat /run/secrets/password)"
expect_eq 77 "$(sandbox inspect --format '{{.HostConfig.PidsLimit}}' p-web-1)"
expect_eq on-failure "$(sandbox inspect --format '{{.HostConfig.RestartPolicy.Name}}' p-web-1)"
expect_eq 1m "$(sandbox inspect --format '{{index .HostConfig.LogConfig.Config "max-size"}}' p-web-1)"
fetched() { [ "$(curl -s --max-time 2 "http://127.0.0.1:$port/index.html")" = page ]; }
wait_until 10 fetched || fail "nothing answers on the published port"
run_rc sandbox up -d odd
expect_eq 1 "$RC"
expect_match 'odd failed: its check says no' "$ERR"
expect_match 'check \| no' "$ERR"
expect_ok sandbox down -q -t 0

test_case "a check is asked often while its service starts, and only its own tries count as failures"
cat >eager.toml <<'EOF'
name = "p"
[services.slow]
image = "busybox"
command = ["sh", "-c", "sleep 0.7; touch /tmp/up; exec sleep 1000"]
stop_signal = "KILL"
ready = { command = ["test", "-e", "/tmp/up"], interval = "1h", retries = 1 }
EOF
expect_ok timeout 60 "$SANDBOX_BIN" up -d -q -f eager.toml
expect_eq 'healthy 0' "$(sandbox inspect --format '{{.State.Health.Status}} {{.State.Health.FailingStreak}}' p-slow-1)"
expect_ok sandbox down -q -t 0 -f eager.toml
