#!/bin/sh
# run_e2e.sh range|plain SCRIPT BINARY: runs one end-to-end script as that test user.
# As root it steps down to sbx-range or sbx-plain. Any other caller runs the script himself, when
# he is of that kind; otherwise the script is skipped (exit 77).
set -eu
kind=$1 script=$2
stage=$(cat e2e-stage)
script=$stage/tests/e2e/$(basename "$script")

if [ "$(id -u)" -eq 0 ]; then
    user=sbx-$kind
    uid=$(id -u "$user")
    home=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-home.XXXXXXXX")
    mkdir -m 700 "$home/home" "$home/run" "$home/tmp"
    chown -R "$user:" "$home"
    clean_up() { rm -rf -- "$home"; }
    trap clean_up EXIT
    cd "$home/home"
    rc=0
    # A clean environment: what the tests see does not depend on who started them.
    setpriv --reuid "$uid" --regid "$(id -g "$user")" --init-groups --reset-env \
        env HOME="$home/home" XDG_RUNTIME_DIR="$home/run" TMPDIR="$home/tmp" \
        PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 \
        SANDBOX_BIN="$stage/sandbox" SANDBOX_TEST_USER="$kind" SANDBOX_TESTS="$stage/tests" \
        SANDBOX_TESTS_MUST_RUN="${SANDBOX_TESTS_MUST_RUN:-0}" \
        SANDBOX_TEST_IMAGES="${SANDBOX_TEST_IMAGES:-}" \
        bash "$script" || rc=$?
    exit "$rc"
fi

has_range=plain
if command -v newuidmap >/dev/null 2>&1 && grep -q "^$(id -un):" /etc/subuid 2>/dev/null; then
    has_range=range
fi
if [ "$has_range" != "$kind" ]; then
    echo "skipped: $(id -un) is a user of the kind \"$has_range\", this test is for \"$kind\""
    exit 77
fi
SANDBOX_BIN=$stage/sandbox SANDBOX_TEST_USER=$kind SANDBOX_TESTS=$stage/tests exec bash "$script"
