#!/bin/sh
# run_e2e.sh range|plain|root TEST: runs one end-to-end script, or one test binary, as that user.
# As root it steps down to sbx-range or sbx-plain, unless the test is for root. Any other caller runs the test himself, when he
# is of that kind; otherwise the test is skipped (exit 77). Works in the build directory.
# A script with the line "# cgroup: delegated" gets a cgroup v2 subtree of its own, when root runs it
# and there is such a hierarchy: SANDBOX_TEST_CGROUP is its directory, else empty.
# One with the line "# network: own", or "own without IPv6", runs in a network of its own
# (own_network.sh), which only root can make: SANDBOX_TEST_PEER is the neighbour's pipe.
set -eu
kind=$1 test=$2
support=$(cd "$(dirname "$0")" && pwd)
stage=$(cat e2e-stage)
case $test in
*.sh) set -- bash "$stage/tests/e2e/$(basename "$test")" ;;
*) set -- ./test_binary ;;
esac

subtree=
peer=
place=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-home.XXXXXXXX")
chmod 755 "$place"
memory_group=
remove_group() { # what has just ended is in it for a moment more
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        rmdir "$1"/*/ 2>/dev/null || true
        if rmdir "$1" 2>/dev/null; then return; fi
        sleep 0.1
    done
    rmdir "$1"
}
finish() {
    rm -rf -- "$place"
    [ -z "$memory_group" ] || remove_group "$memory_group"
    [ -z "$subtree" ] || remove_group "$subtree"
}
trap finish EXIT
mkdir -m 700 "$place/home" "$place/run" "$place/tmp"
# A checkout may lie where only its owner can look.
[ "$1" = bash ] || cp -- "$test" "$place/home/test_binary"

network=
if [ "$1" = bash ]; then network=$(sed -n 's/^# network: //p' "$2"); fi
if [ "$(id -u)" -eq 0 ]; then
    user=root
    step_down=
    if [ "$kind" != root ]; then
        user=sbx-$kind
        chown -R "$user:" "$place/home" "$place/run" "$place/tmp"
        step_down="setpriv --reuid $(id -u "$user") --regid $(id -g "$user") --init-groups"
    fi
    images=/var/cache/sandbox-test-images
    if [ -n "$network" ]; then
        peer=$place/run/peer
        ipv6=yes
        if [ "$network" = "own without IPv6" ]; then ipv6=no; fi
        step_down="sh $support/own_network.sh $peer $place/run/resolv.conf $(id -u "$user") \
            $(id -g "$user") $ipv6 $step_down"
    fi
    hierarchy=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
    if [ "$1" = bash ] && [ -n "$hierarchy" ] && grep -q '^# cgroup: delegated$' "$2"; then
        subtree=$(mktemp -d "$hierarchy/sandbox-test.XXXXXX")
        mkdir "$subtree/session"
        chown -R "$user:" "$subtree"
    fi
else
    caller=plain
    if command -v newuidmap >/dev/null 2>&1 && grep -q "^$(id -un):" /etc/subuid 2>/dev/null; then
        caller=range
    fi
    if [ "$caller" != "$kind" ]; then
        echo "skipped: $(id -un) is a user of the kind \"$caller\", this test is for \"$kind\""
        exit 77
    fi
    if [ -n "$network" ]; then
        echo "skipped: only root can make the network that this test runs in"
        exit 77
    fi
    step_down=
    images=${XDG_CACHE_HOME:-$HOME/.cache}/sandbox-test-images
fi

# Version 1 has a tree for memory alone; in version 2 the whole test must begin in the group, since
# a user may not move processes out of root's. The same does for both.
limit=
case $test in *.sh) limit=$(sed -n 's/^# memory: //p' "$test") ;; esac
if [ -n "$limit" ] && [ "$(id -u)" -eq 0 ]; then
    for file in /sys/fs/cgroup/memory/GROUP/memory.limit_in_bytes /sys/fs/cgroup/GROUP/memory.max; do
        group=${file%/*}
        group=${group%GROUP}sandbox-test.$$
        mkdir "$group" 2>/dev/null || continue
        if echo "$limit" 2>/dev/null >"$group/${file##*/}"; then
            memory_group=$group
            step_down="sh $support/in_group.sh $group $step_down"
            break
        fi
        rmdir "$group"
    done
fi
switches=$(env | grep -E '^SANDBOX_TEST_[A-Z_]+=[0-9]+$' || true)
in_subtree() {
    # shellcheck disable=SC2016  # for the inner shell
    sh -c 'echo $$ >"$0" && exec "$@"' "$subtree/session/cgroup.procs" "$@"
}

cd "$place/home"
rc=0
# A clean environment: what a test sees does not depend on who started it.
# shellcheck disable=SC2086  # several words
${subtree:+in_subtree} $step_down env -i HOME="$place/home" XDG_RUNTIME_DIR="$place/run" TMPDIR="$place/tmp" \
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 USER="${user:-$(id -un)}" \
    SANDBOX_BIN="$stage/sandbox" SANDBOX_TESTS="$stage/tests" SANDBOX_TEST_USER="$kind" \
    SANDBOX_TEST_CGROUP="$subtree" SANDBOX_TEST_PEER="$peer" \
    SANDBOX_TESTS_MUST_RUN="${SANDBOX_TESTS_MUST_RUN:-0}" \
    SANDBOX_TEST_IMAGES="${SANDBOX_TEST_IMAGES:-$images}" $switches \
    ${memory_group:+SANDBOX_TEST_MEMORY=limited} \
    "$@" || rc=$?
cd /
exit "$rc"
