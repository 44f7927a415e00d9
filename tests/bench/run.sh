#!/bin/sh
# SANDBOX_BIN=PROGRAM run.sh range|plain BENCH [ARGUMENTS…]: as root, runs a bench of this directory
# as that test user. In a mount namespace of its own, which takes all that is mounted there along:
# home, stores and scratch are on a tmpfs, the programs on the disk; a version 2 hierarchy beside
# version 1 ones is out of sight, since crun (and podman with it) does not start beside it.
set -eu
if [ -z "${BENCH_INSIDE:-}" ]; then
    SANDBOX_BIN=$(readlink -f "${SANDBOX_BIN:?path of the program}")
    export SANDBOX_BIN BENCH_INSIDE=1
    exec unshare --mount --propagation private sh "$0" "$@"
fi
kind=$1 bench=$2
shift 2
user=sbx-$kind
tests=$(cd "$(dirname "$0")/.." && pwd)
sh "$tests/support/users.sh"
stage=$(mktemp -d /var/tmp/sandbox-bench.XXXXXXXX)
trap 'cd / && umount -l "$stage/place" && rm -rf -- "$stage"' EXIT
chmod 755 "$stage"
cp -R -- "$tests" "$stage/tests"
cp -- "$SANDBOX_BIN" "$stage/sandbox"
chmod -R u=rwX,go=rX "$stage"
mkdir "$stage/place"
mount -t tmpfs -o mode=755 tmpfs "$stage/place"
mkdir -m 700 "$stage/place/home" "$stage/place/run" "$stage/place/tmp"
chown "$user:" "$stage/place"/*
# Peers of the network's bench use a tap, which on most machines everybody may; here, in this view.
if [ -e /dev/net/tun ]; then
    mknod -m 666 "$stage/place/tun" c 10 200
    mount --bind "$stage/place/tun" /dev/net/tun
fi
if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
cd "$stage/place/home"
setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups env -i \
    HOME="$stage/place/home" XDG_RUNTIME_DIR="$stage/place/run" TMPDIR="$stage/place/tmp" \
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 USER="$user" \
    SANDBOX_BIN="$stage/sandbox" SANDBOX_TESTS="$stage/tests" SANDBOX_TEST_USER="$kind" \
    QUIET="${QUIET:-}" VERBOSE="${VERBOSE:-}" ${PEERS+PEERS="$PEERS"} SANDBOX_TEST_IMAGES="${SANDBOX_TEST_IMAGES:-/var/cache/sandbox-test-images}" \
    bash "$stage/tests/bench/$bench" "$@"
