#!/bin/bash
# Where overlay is refused, each container gets a copy of its image, and all else is the same. The
# store lies on an overlay here, which the kernel does not take as an upper directory; for that,
# sandbox runs as root of a user namespace of the caller's own (P15: inside of another container).
. "$SANDBOX_TESTS/support/lib.sh"

mkdir -p "$WORK/layer/data/sub" "$WORK/fs"/{lower,upper,work,merged}
echo seed >"$WORK/layer/data/sub/file"
expect_ok make_image "$WORK/img" --layer busybox --layer "$WORK/layer"
map=(--map-root-user)
[ "$SANDBOX_TEST_USER" = plain ] || map=(--map-root-user --map-auto)

cat >"$WORK/inside.sh" <<'SH'
set -e
cd "$WORK/fs"
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work,userxattr merged
export SANDBOX_STORE=$WORK/fs/merged/store
"$SANDBOX_BIN" pull -q "oci:$WORK/img" >/dev/null
"$SANDBOX_BIN" "$@"
rc=$?
ls -A "$SANDBOX_STORE/containers" | grep -v '^names$' && exit 99
exit $rc
SH
nested() { SANDBOX_BIN=$SANDBOX_BIN unshare "${map[@]}" --mount bash "$WORK/inside.sh" "$@"; }
if ! unshare "${map[@]}" --mount true 2>/dev/null; then
    skip "unshare cannot make such a namespace here"
fi

test_case "a container runs from a copy, which is gone afterwards"
expect_ok nested run localhost/img sh -c 'cat /data/sub/file; id -u; echo new >/data/x; cat /data/x'
expect_eq "seed 0 new" "$(echo $OUT)"
expect_match 'refuses overlay mounts here \(E[A-Z]+\)' "$ERR"

test_case "its root can be read-only, volumes are seeded, exit codes are passed on"
expect_ok nested run --read-only localhost/img sh -c 'touch /x 2>/dev/null || echo refused'
expect_eq refused "$OUT"
expect_ok nested run -v vol:/data localhost/img cat /data/sub/file
expect_eq seed "$OUT"
expect_rc 7 nested run localhost/img sh -c 'exit 7'
expect_rc 127 nested run localhost/img nosuch

test_case "without an overlay below it, a namespace of the caller's own changes nothing"
expect_ok unshare "${map[@]}" --mount "$SANDBOX_BIN" run "oci:$WORK/img" sh -c 'id -u; cat /data/sub/file'
expect_eq "0 seed" "$(echo $OUT)"
expect_no_match 'refuses overlay' "$ERR"
