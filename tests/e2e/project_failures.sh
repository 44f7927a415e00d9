#!/bin/bash
# What fails in a project keeps those from starting that wait for it, and nobody else.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

on_exit sandbox down -q -t 0 -v -f "$WORK/p/compose.yaml"

test_case "one that ends with another code than 0 is told, fails nothing and keeps nobody from starting"
cat >compose.yaml <<'EOF2'
name: p
services:
  a: { image: busybox, command: sh -c "exit 1" }
  after: { image: busybox, command: sleep 1000, stop_signal: KILL, depends_on: [a] }
  b: { image: busybox, command: sleep 1000, stop_signal: KILL, depends_on: [c] }
  c: { image: busybox, command: sleep 1000, stop_signal: KILL }
EOF2
for round in 1 2 3 4; do
    run_rc sandbox up -d
    expect_eq 0 "$RC" "round $round: $ERR"
    expect_eq $'p-a-1 exited\np-after-1 running\np-b-1 running\np-c-1 running' "$(states)" "round $round"
    expect_no_match 'not started' "$ERR"
    expect_ok sandbox down -q
done
run_rc sandbox up -d a
expect_eq 0 "$RC"
wait_until 10 sh -c '"$0" ps -a --format "{{.State}}" | grep -q exited' "$SANDBOX_BIN"
expect_ok sandbox down -q

test_case "with --wait it is a failure, and the others are started all the same"
sed 's/exit 1/sleep 0.2; exit 1/; s/^  a: { /&expose: [81], /' -i compose.yaml
run_rc sandbox up -d --wait
expect_eq 1 "$RC"
expect_match 'a failed: it has ended with 1' "$ERR"
expect_eq 3 "$(states | grep -c running)"
expect_ok sandbox down -q

test_case "a container that cannot be made fails up, and stops only those that wait for it"
cat >sandbox.toml <<'EOF2'
name = "p"
[services.lost]
image = "busybox"
volumes = [{ type = "bind", source = "./missing", target = "/lost", bind = { create_host_path = false } }]
[services.behind]
image = "busybox"
depends_on = ["lost"]
[services.last]
image = "busybox"
depends_on = ["behind"]
[services.db]
image = "busybox"
command = ["sleep", "1000"]
stop_signal = "KILL"
[services.web]
image = "busybox"
command = ["sleep", "1000"]
stop_signal = "KILL"
depends_on = ["db"]
EOF2
for round in 1 2 3; do
    run_rc sandbox up -d -f sandbox.toml
    expect_eq 1 "$RC" "round $round"
    expect_match 'lost failed: ' "$ERR"
    expect_match 'behind +not started, because of lost: ' "$ERR"
    expect_match 'last +not started, because of lost: ' "$ERR"
    expect_eq $'p-db-1 running\np-web-1 running' "$(states)" "round $round"
    expect_ok sandbox down -q
done

test_case "a job that fails keeps a restart from nothing"
cat >compose.yaml <<'EOF2'
name: p
services:
  job: { image: busybox, command: sh -c "exit 3" }
  db: { image: busybox, command: sleep 1000, stop_signal: KILL }
  app: { image: busybox, command: sleep 1000, stop_signal: KILL, depends_on: [db] }
EOF2
expect_ok sandbox up -d -q -f compose.yaml
for round in 1 2 3; do
    run_rc sandbox compose -f compose.yaml restart
    expect_eq 0 "$RC" "round $round: $ERR"
    expect_eq $'p-app-1 running\np-db-1 running\np-job-1 exited' "$(states)" "round $round"
done
expect_ok sandbox down -q

test_case "who waits for the end of a service that fails is not started, and up says so"
sed 's/depends_on: \[db\]/depends_on: { job: { condition: service_completed_successfully } }/' -i compose.yaml
run_rc sandbox up -d -f compose.yaml
expect_eq 1 "$RC"
expect_match 'job failed: it has ended with 3' "$ERR"
expect_match 'app +not started, because of job' "$ERR"
expect_eq $'p-db-1 running\np-job-1 exited' "$(states)"

test_case "with --wait one that ends with something else than 0 is a failure, whenever that is seen"
cat >compose.yaml <<'EOF2'
name: p
services:
  one: { image: busybox, command: sh -c "exit 1" }
  dep: { image: busybox, command: sleep 1000, stop_signal: KILL, depends_on: [one] }
EOF2
for round in 1 2 3 4 5; do
    expect_ok sandbox down -q -f compose.yaml
    run_rc sandbox up --wait -f compose.yaml
    expect_eq 1 "$RC" "round $round: $ERR"
done
expect_ok sandbox down -q -f compose.yaml

test_case "who interrupts the start of a container gets 130, and nothing else is started"
expect_ok sandbox run --name many busybox sh -c 'mkdir /many && cd /many && seq 30000 | xargs touch'
expect_ok sandbox commit -q many localhost/many
expect_ok sandbox rm many
cat >compose.yaml <<'EOF2'
name: p
services:
  a: { image: localhost/many, command: sleep 1000, stop_signal: KILL, volumes: ["seeded:/many"] }
  b: { image: busybox, command: sleep 1000, stop_signal: KILL }
volumes: { seeded: {} }
EOF2
"$SANDBOX_BIN" up -d -f compose.yaml 2>"$WORK/err" &
up=$!
is_seeding() { [ "$(find "$XDG_DATA_HOME/sandbox/volumes" -path '*seeded*' -type f | wc -l)" -gt 10 ]; }
wait_until 20 is_seeding || fail "the volume is not seeded"
kill -INT "$up"
rc=0
wait "$up" || rc=$?
expect_eq 130 "$rc" "$(cat "$WORK/err")"
expect_eq '' "$(states)"
expect_ok sandbox up -d -q -f compose.yaml
expect_eq 30000 "$(sandbox exec p-a-1 find /many -type f | wc -l)"
expect_ok sandbox down -q -v -f compose.yaml
