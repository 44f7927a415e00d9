#!/bin/bash
# `up --watch`: restart, copy or run a task when files change; the logs go on.
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"

mkdir src tables
echo one >settings
echo one >conf
cat >sandbox.toml <<'EOF'
name = "p"
[services.app]
image = "busybox"
volumes = ["./settings:/settings:ro"]
watch = ["./settings"]
command = ["sh", "-c", "echo reading $$(cat /settings); [ -s /settings ] || exit 9; exec sleep 1000"]
stop_signal = "KILL"
[services.web]
image = "busybox"
command = ["sh", "-c", "mkdir -p /app; cat /made/for/it/conf; exec sleep 1000"]
stop_signal = "KILL"
watch = [{ path = "./src", action = "sync", target = "/app", ignore = ["*.o"] }, { path = "./conf", action = "sync+restart", target = "/made/for/it/conf" }, { path = "./tables", action = "task", task = "migrate" }]
[tasks.migrate]
image = "busybox"
volumes = ["./tables:/tables:ro"]
command = ["sh", "-c", "echo $$(cat /tables/* 2>/dev/null | wc -l) lines"]
EOF
inside() { [ "$(sandbox exec web sh -c "$1" 2>&1)" = "$2" ]; }
settings() { printf "$1" >settings.new && cat settings.new >settings; }
on_exit rm -f settings.new

test_case "what cannot be watched is said before anything starts"
expect_error 2 '.*--watch and --detach exclude each other' sandbox up -d --watch
expect_error 2 'nothing is to be watched' sandbox up --watch migrate
expect_eq '' "$(sandbox ps -aq)"

"$SANDBOX_BIN" up --watch >"$WORK/up.out" 2>"$WORK/up.err" &
up=$!
wait_until 20 grep -q 'migrate-1 | 0 lines' "$WORK/up.out" || {
    fail "$(cat "$WORK"/up.*)"
    exit
}
wait_until 20 grep -q 'app-1 .*reading one' "$WORK/up.out"

test_case "a changed file restarts its service, whose log goes on"
settings 'two\n'
wait_until 20 grep -q 'app-1 .*reading two' "$WORK/up.out" || fail "$(cat "$WORK"/up.*)"
expect_match 'app +settings has changed: restarting' "$(cat "$WORK/up.err")"

test_case "one that has ended does not end it, and the next change mends it"
settings ''
wait_until 20 grep -q 'p-app-1 has ended with 9' "$WORK/up.err" || fail "$(cat "$WORK"/up.*)"
settings 'three\n'
wait_until 20 grep -q 'app-1 .*reading three' "$WORK/up.out" || fail "$(cat "$WORK"/up.*)"

test_case "new, changed and removed files are copied, and those that are ignored are not"
mkdir src/deep
echo a >src/deep/a
echo object >src/b.o
echo b >src/b
wait_until 20 inside 'cd /app; find . -type f | sort | xargs echo; cat deep/a b' \
    $'./b ./deep/a\na\nb' || fail "$(cat "$WORK"/up.*; sandbox exec web find /app)"
rm -r src/deep
echo c >src/b
wait_until 20 inside 'cd /app; echo *; cat b' $'b\nc' ||
    fail "$(cat "$WORK"/up.*; sandbox exec web find /app)"

test_case "a file is copied, to where there was no directory, and its service restarted"
echo two >conf
wait_until 20 grep -q 'web-1 .*| two' "$WORK/up.out" || fail "$(cat "$WORK"/up.*)"
expect_match 'web +conf has changed: copying to /made/for/it/conf, restarting' "$(cat "$WORK/up.err")"

test_case "a task runs again, although it has succeeded before"
printf '1\n2\n' >tables/first
wait_until 20 grep -q 'migrate | 2 lines' "$WORK/up.out" || fail "$(cat "$WORK"/up.*)"
expect_match 'web +tables/first has changed: running migrate' "$(cat "$WORK/up.err")"
wait_until 20 grep -q 'migrate *done' "$WORK/up.err" || fail "$(cat "$WORK"/up.*)"

test_case "Ctrl-C ends it as ever"
kill -INT "$up"
wait "$up"
expect_eq 130 "$?"
expect_eq '' "$(sandbox ps -q)"
