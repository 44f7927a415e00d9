#!/bin/bash
# A project under several commands at once, with killed commands and supervisors, and with many
# services: it always comes up whole, and nothing is left of it afterwards.
#   SANDBOX_TEST_ROUNDS   up and down by each of two shells (here 4; by hand 200)
#   SANDBOX_TEST_SERVICES how many make many (here 30; by hand 100)
. "$SANDBOX_TESTS/support/lib.sh"
. "$SANDBOX_TESTS/support/project.sh"
rounds=${SANDBOX_TEST_ROUNDS:-4} many=${SANDBOX_TEST_SERVICES:-30}

# What there is of ours: processes, their namespaces, files and sockets, listening ports.
belongings() {
    local pid kind
    for pid in $(pgrep -f "__.*$XDG_DATA_HOME/sandbox|^sleep $seconds|^httpd -f -p $port"); do
        echo "process"
        for kind in net mnt user pid; do readlink "/proc/$pid/ns/$kind"; done | sort -u
    done 2>/dev/null | sort | uniq -c | grep -v "$(readlink /proc/self/ns/net)"
    find "$XDG_DATA_HOME/sandbox/containers" "$XDG_RUNTIME_DIR" -mindepth 1 2>/dev/null | sort
    grep -c "$WORK" /proc/self/mountinfo
    awk '$4 == "0A" { print $2 }' /proc/net/tcp | grep -c ":$(printf %04X "$port")"
}
running() { sandbox ps -q | wc -l; }
supervisor_of() { awk '/^PPid:/ { print $2 }' "/proc/$(sandbox inspect -f '{{.State.Pid}}' "$1")/status"; }
port=$(free_port)
seconds=$((RANDOM + 100000)) # ours among all that sleep on this machine

cat >sandbox.toml <<EOF
name = "p"
[services.db]
image = "busybox"
command = ["sleep", "$seconds"]
volumes = ["data:/data"]
stop_signal = "KILL"
[services.web]
image = "busybox"
depends_on = { db = { condition = "ready" }, make = { condition = "completed" } }
command = ["httpd", "-f", "-p", "$port"]
ports = ["$port:$port"]
stop_signal = "KILL"
[tasks.make]
image = "busybox"
depends_on = ["db"]
volumes = ["data:/data"]
command = ["sh", "-c", "echo made >>/data/made"]
EOF
# The first use makes directories that stay.
expect_ok sandbox up -d -q
expect_ok sandbox down -q
before=$(belongings)

test_case "two shells bring it up and down $rounds times each, and no command fails"
shell() { # NAME
    local i
    for ((i = 0; i < rounds; i++)); do
        "$SANDBOX_BIN" up -d -q >>"$WORK/$1" 2>&1 || echo "up $i: $?" >>"$WORK/$1"
        "$SANDBOX_BIN" down -q >>"$WORK/$1" 2>&1 || echo "down $i: $?" >>"$WORK/$1"
    done
}
shell one &
one=$!
shell two
wait "$one"
said() { grep -v 'waiting for another command on project' "$WORK/$1"; }
expect_eq '' "$(said one)$(said two)"
expect_ok sandbox down -q
expect_eq "$before" "$(belongings)"

test_case "supervisors that are killed leave nothing running, and the next up repairs"
expect_ok sandbox up -d -q
for name in p-db-1 p-web-1; do
    pid=$(sandbox inspect -f '{{.State.Pid}}' "$name")
    kill -KILL "$(supervisor_of "$name")"
    wait_until 10 test ! -e "/proc/$pid" || fail "the payload of $name still runs"
done
expect_eq 0 "$(running)"
expect_ok sandbox up -d -q
expect_eq 2 "$(running)"
wait_until 10 curl -s -o "$WORK/page" "http://127.0.0.1:$port/" || fail "nothing listens on $port"
expect_ok sandbox down -q
expect_eq "$before" "$(belongings)"

test_case "an up that is killed anywhere leaves what the next one completes, and nothing else"
for delay in 0.01 0.03 0.06 0.1 0.2; do
    "$SANDBOX_BIN" up -d -q >/dev/null 2>&1 &
    up=$!
    sleep "$delay"
    kill -KILL "$up" 2>/dev/null
    wait "$up" 2>/dev/null
    expect_ok sandbox up -d -q
    expect_eq 2 "$(running)" "running after an up that was killed after $delay s"
    expect_ok sandbox down -q
    expect_eq "$before" "$(belongings)"
done
# One that was only begun has no record.
begun=$XDG_DATA_HOME/sandbox/containers/$(printf '%064d' 1)
for command in 'up -d -q' 'ps -a' 'down -q'; do
    mkdir -p -m 700 "$begun" "$begun/work"
    mkdir "$begun/upper"
    : >"$begun/lock"
    ln -s "${begun##*/}" "${begun%/*}/names/p-db-7"
    # shellcheck disable=SC2086  # several words
    expect_ok sandbox $command
    expect_no_file "$begun" || rm -r "$begun"
    expect_no_file "${begun%/*}/names/p-db-7" || rm "${begun%/*}/names/p-db-7"
done
expect_eq "$before" "$(belongings)"

test_case "$many services come up, one that depends on all of them last, and go again"
{
    echo 'name = "many"'
    for ((i = 1; i <= many; i++)); do
        printf '[services.s%s]\nimage = "busybox"\ncommand = ["sleep", "%s"]\nstop_signal = "KILL"\n' "$i" "$seconds"
    done
    printf '[tasks.last]\nimage = "busybox"\ncommand = ["true"]\ndepends_on = ['
    for ((i = 1; i <= many; i++)); do printf '"s%s", ' "$i"; done
    echo ']'
} >many.toml
on_exit sandbox down -q -t 0 -f "$WORK/p/many.toml"
expect_ok sandbox up -d -q -f many.toml
expect_eq "$many" "$(running)"
expect_eq 'exited 0' "$(sandbox inspect -f '{{.State.Status}} {{.State.ExitCode}}' many-last-1)"
expect_ok sandbox up -d -q -f many.toml
expect_ok sandbox down -q -v -f many.toml
expect_eq "$before" "$(belongings)"
