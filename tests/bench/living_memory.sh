#!/bin/bash
# What stays in memory with idle detached containers: proportional set size of the supervisor and of
# all its children (pid 1, the keeper of the network, who answers for identities), with one container
# and with many. Run it as root, since pid 1 lets nobody else look; it steps down to the test user. The program must lie where that user can read it.
#   SANDBOX_BIN=… SANDBOX_TESTS=…/tests bash tests/bench/living_memory.sh [COUNT] [range|plain]
set -eu
count=${1:-20}
user=sbx-${2:-range}
[ "$(id -u)" -eq 0 ] || { echo "run it as root" >&2; exit 1; }
sh "$SANDBOX_TESTS/support/users.sh"
place=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-memory.XXXXXXXX")
chmod 755 "$place"
mkdir -m 700 "$place/home" "$place/tmp"
chown -R "$user:" "$place/home" "$place/tmp"
as() {
    setpriv --reuid "$(id -u "$user")" --regid "$(id -g "$user")" --init-groups \
        env -i HOME="$place/home" TMPDIR="$place/tmp" PATH=/usr/local/bin:/usr/bin:/bin \
        USER="$user" "$@"
}
finish() {
    for id in $(as "$SANDBOX_BIN" ps -aq); do as "$SANDBOX_BIN" rm -f "$id" >/dev/null; done
    rm -rf -- "$place"
}
trap finish EXIT
as "$SANDBOX_BIN" pull -q "oci:${SANDBOX_TEST_IMAGES:-/var/cache/sandbox-test-images}/busybox" >/dev/null

pss() { awk '/^Pss:/ { print $2 }' "/proc/$1/smaps_rollup"; }
report() { # what stays with all containers, per container
    local supervisors=0 inits=0 others=0 n=0 init parent child
    local pids
    pids=$(as "$SANDBOX_BIN" inspect --format '{{.State.Pid}}' $(as "$SANDBOX_BIN" ps -q))
    sleep 2 # idle again: these questions have touched each supervisor
    for init in $pids; do
        parent=$(awk '/^PPid:/ { print $2 }' "/proc/$init/status")
        supervisors=$((supervisors + $(pss "$parent")))
        inits=$((inits + $(pss "$init")))
        for child in $(pgrep -P "$parent"); do
            [ "$child" = "$init" ] || others=$((others + $(pss "$child")))
        done
        n=$((n + 1))
    done
    echo "$n container(s): $((supervisors / n)) KiB supervisor + $((inits / n)) KiB pid 1 +" \
        "$((others / n)) KiB its other helpers = $(((supervisors + inits + others) / n)) KiB of PSS" \
        "each (goal: 2048)"
}
as "$SANDBOX_BIN" run -d localhost/busybox sleep 3600 >/dev/null
report
for _ in $(seq 2 "$count"); do
    as "$SANDBOX_BIN" run -d localhost/busybox sleep 3600 >/dev/null
done
report
