#!/bin/bash
# A service that dies while others depend on it: those that want it are restarted once it is good
# again, the others are told; by its own supervisor, since nothing else stays behind.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

profile() { # POLICY
    cat >sandbox.toml <<EOF
name = "p"
[services.db]
image = "busybox"
restart = "$1"
expose = [81]
command = ["sh", "-c", "sleep 0.3; httpd -p 81; while [ ! -e /tmp/die ]; do sleep 0.05; done; rm /tmp/die; exit 3"]
[services.app]
image = "busybox"
depends_on = { db = { condition = "ready", restart = true } }
command = ["sh", "-c", "nc -w 2 db 81 </dev/null && echo db is there; exec sleep 1000"]
stop_signal = "KILL"
[services.web]
image = "busybox"
depends_on = { app = { restart = true } }
command = ["sh", "-c", "echo web begins; exec sleep 1000"]
stop_signal = "KILL"
[services.share]
image = "busybox"
network_mode = "service:db"
command = ["sh", "-c", "echo share begins; exec sleep 1000"]
stop_signal = "KILL"
[services.other]
image = "busybox"
depends_on = ["db"]
command = ["sh", "-c", "echo other begins; exec sleep 1000"]
stop_signal = "KILL"
EOF
}
begun() { sandbox logs "$1" 2>/dev/null | grep -c "$2"; }
lives() { echo "$(begun app 'db is there') $(begun web begins) $(begun share begins) $(begun other begins)"; }
lived() { [ "$(lives)" = "$1" ]; }
let_die() { expect_ok sandbox exec db touch /tmp/die; }
told() { # EVENT
    sandbox events --no-stream --since 10m --filter "event=$1" \
        --format '{{.Actor.Attributes.name}} {{.Actor.Attributes.dependency}} {{.Actor.Attributes.exitCode}}' | sort
}
# The process that does it comes to its end, too.
nobody_follows() { ! pgrep -f "__dependents .*$XDG_DATA_HOME/sandbox" >/dev/null; }

test_case "those that want it are restarted in order, when it listens again; the others are told"
profile on-failure
expect_ok sandbox up -d -q
expect_eq '1 1 1 1' "$(lives)"
let_die
wait_until 20 lived '2 2 2 1' || fail "lives: $(lives)"
wait_until 10 nobody_follows || fail "$(pgrep -af __dependents)"
expect_eq '2 2 2 1' "$(lives)"
expect_eq 1 "$(sandbox inspect -f '{{.RestartCount}}' p-db-1)"
expect_match 'p-app-1 p-db-1.*p-other-1 p-db-1.*p-share-1 p-db-1' "$(told dependency_restarted | xargs)"
expect_eq 0 "$(told dependency_ended | wc -l)"
expect_rc 7 sandbox compose run --rm -T db sh -c 'exit 7'
expect_eq 0 "$(told dependency_ended | wc -l)"
expect_ok sandbox exec share sh -c "nc -w 2 127.0.0.1 81 </dev/null"

test_case "one that somebody has stopped stays stopped, and so do all after a stop"
expect_ok sandbox stop web
let_die
wait_until 20 lived '3 2 3 1' || fail "lives: $(lives)"
wait_until 10 nobody_follows || fail "$(pgrep -af __dependents)"
expect_eq exited "$(sandbox inspect -f '{{.State.Status}}' p-web-1)"
expect_ok sandbox stop -t 0 db
sleep 0.3
expect_eq 0 "$(told dependency_ended | wc -l)"
expect_ok sandbox down -q

test_case "in the foreground one sees who died, who depends on it and who is restarted"
"$SANDBOX_BIN" up >"$WORK/up.out" 2>"$WORK/up.err" &
up=$!
wait_until 20 grep -q 'other begins' "$WORK/up.out"
wait_until 20 grep -q 'web begins' "$WORK/up.out"
let_die
wait_until 20 grep -q 'p-web-1 was started again' "$WORK/up.err"
wait_until 20 grep -q 'p-share-1 was started again' "$WORK/up.err"
expect_match 'db +p-db-1 has ended with 3 and was started again; app, other depend on it' "$(cat "$WORK/up.err")"
expect_match 'app +p-app-1 was started again, as p-db-1 was' "$(cat "$WORK/up.err")"
twice() { [ "$(grep -c 'web-1   | web begins' "$WORK/up.out")" = 2 ]; }
wait_until 10 twice || fail "$(cat "$WORK/up.out")"
kill -INT "$up"
wait "$up"
expect_eq 130 "$?"
expect_ok sandbox down -q

test_case "who depends on what has ended for good is told, and restarted when it is brought up again"
profile no
expect_ok sandbox up -d -q
let_die
dead() { [ "$(told dependency_ended | xargs)" = 'p-app-1 p-db-1 3 p-other-1 p-db-1 3 p-share-1 p-db-1 3' ]; }
wait_until 10 dead || fail "$(told dependency_ended)"
expect_eq '1 1 1 1' "$(lives)"
expect_eq 'keep p-other-1
restart p-app-1 ("db" is started again)
restart p-share-1 ("db" is started again)
restart p-web-1 ("app" is restarted)
start p-db-1' "$(sandbox up --plan | sort)"
expect_ok sandbox up -d -q
expect_eq '2 2 2 1' "$(lives)"

test_case "a profile that has gone is no reason for the service not to come back"
profile always
expect_ok sandbox up -d -q
mv sandbox.toml kept.toml
expect_ok sandbox exec p-db-1 touch /tmp/die
restarted() { [ "$(sandbox inspect -f '{{.RestartCount}} {{.State.Status}}' p-db-1)" = '1 running' ]; }
wait_until 10 restarted || fail "$(sandbox ps -a)"
mv kept.toml sandbox.toml
expect_ok sandbox down -q -t 0

test_case "the variables of --env-file are there when the project is read again"
profile on-failure
sed -i 's/image = "busybox"/image = "${IMAGE:?from the file}"/' sandbox.toml
echo 'IMAGE=busybox' >"$WORK/variables"
expect_ok sandbox up -d -q --env-file "$WORK/variables"
expect_eq "$WORK/variables" "$(sandbox inspect \
    --format '{{index .Config.Labels "com.docker.compose.project.environment_file"}}' p-db-1)"
expect_ok sandbox exec p-db-1 touch /tmp/die
again() { [ "$(sandbox logs p-app-1 | grep -c 'db is there')" = 2 ]; }
wait_until 20 again || fail "$(sandbox logs p-app-1)"
wait_until 10 nobody_follows || fail "$(pgrep -af __dependents)"
expect_ok sandbox down -q --env-file "$WORK/variables"
rm sandbox.toml
