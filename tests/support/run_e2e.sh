#!/bin/sh
# run_e2e.sh range|plain TEST: runs one end-to-end script, or one test binary, as that test user.
# As root it steps down to sbx-range or sbx-plain. Any other caller runs the test himself, when he
# is of that kind; otherwise the test is skipped (exit 77). Works in the build directory.
set -eu
kind=$1 test=$2
stage=$(cat e2e-stage)
case $test in
*.sh) set -- bash "$stage/tests/e2e/$(basename "$test")" ;;
*) set -- ./test_binary ;;
esac

place=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-home.XXXXXXXX")
chmod 755 "$place"
trap 'rm -rf -- "$place"' EXIT
mkdir -m 700 "$place/home" "$place/run" "$place/tmp"
# A checkout may lie where only its owner can look.
[ "$1" = bash ] || cp -- "$test" "$place/home/test_binary"

if [ "$(id -u)" -eq 0 ]; then
    user=sbx-$kind
    chown -R "$user:" "$place/home" "$place/run" "$place/tmp"
    step_down="setpriv --reuid $(id -u "$user") --regid $(id -g "$user") --init-groups"
    images=/var/cache/sandbox-test-images
else
    caller=plain
    if command -v newuidmap >/dev/null 2>&1 && grep -q "^$(id -un):" /etc/subuid 2>/dev/null; then
        caller=range
    fi
    if [ "$caller" != "$kind" ]; then
        echo "skipped: $(id -un) is a user of the kind \"$caller\", this test is for \"$kind\""
        exit 77
    fi
    step_down=
    images=${XDG_CACHE_HOME:-$HOME/.cache}/sandbox-test-images
fi

cd "$place/home"
rc=0
# A clean environment: what a test sees does not depend on who started it.
$step_down env -i HOME="$place/home" XDG_RUNTIME_DIR="$place/run" TMPDIR="$place/tmp" \
    PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin LANG=C.UTF-8 USER="${user:-$(id -un)}" \
    SANDBOX_BIN="$stage/sandbox" SANDBOX_TESTS="$stage/tests" SANDBOX_TEST_USER="$kind" \
    SANDBOX_TESTS_MUST_RUN="${SANDBOX_TESTS_MUST_RUN:-0}" \
    SANDBOX_TEST_IMAGES="${SANDBOX_TEST_IMAGES:-$images}" \
    "$@" || rc=$?
cd /
exit "$rc"
