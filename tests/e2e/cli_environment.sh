#!/bin/bash
# Homes and directories that are missing, foreign or full (P13).
. "$SANDBOX_TESTS/support/lib.sh"

test_case "without HOME the home directory of the user's passwd line counts"
home=$(getent passwd "$(id -u)" | cut -d: -f6)
# What is there already is somebody's; what the test makes goes again.
[ -e "$home/.local" ] || on_exit rm -rf "$home/.local"
run_rc env -u HOME -u XDG_DATA_HOME "$SANDBOX_BIN" info --format '{{.DockerRootDir}}'
expect_eq "$home/.local/share/sandbox" "$OUT"

test_case "without XDG_RUNTIME_DIR, or with one that is not mine, nothing fails"
expect_ok env -u XDG_RUNTIME_DIR "$SANDBOX_BIN" images
expect_ok env XDG_RUNTIME_DIR=/ "$SANDBOX_BIN" images
expect_ok env XDG_RUNTIME_DIR=/nonexistent "$SANDBOX_BIN" images

test_case "an empty environment is enough"
expect_ok env -i HOME="$HOME" "$SANDBOX_BIN" images
expect_ok env -i "$SANDBOX_BIN" --version

test_case "a TMPDIR that does not exist is no obstacle"
expect_ok env TMPDIR=/nonexistent "$SANDBOX_BIN" images

test_case "a store that others can read is refused, with the cure"
mkdir -m 755 "$WORK/open"
expect_error 1 '.*\(.*chmod.*\)' env SANDBOX_STORE="$WORK/open" "$SANDBOX_BIN" images

test_case "a store that belongs to another is refused"
expect_error 1 '.+' env SANDBOX_STORE=/etc "$SANDBOX_BIN" images

test_case "a store that is a link, a file, or of a newer version is refused"
ln -s "$WORK/open" "$WORK/link"
expect_error 1 '.+' env SANDBOX_STORE="$WORK/link" "$SANDBOX_BIN" images
touch "$WORK/file"
expect_error 1 '.+' env SANDBOX_STORE="$WORK/file" "$SANDBOX_BIN" images
expect_ok env SANDBOX_STORE="$WORK/new" "$SANDBOX_BIN" images
echo 99 >"$WORK/new/version"
expect_error 1 'newer' env SANDBOX_STORE="$WORK/new" "$SANDBOX_BIN" images

test_case "a read-only place is an error that names it"
mkdir -m 500 "$WORK/readonly"
expect_error 1 'readonly' env SANDBOX_STORE="$WORK/readonly/store" "$SANDBOX_BIN" images

test_case "relative paths in XDG variables are not used"
run_rc env XDG_DATA_HOME=relative "$SANDBOX_BIN" info --format '{{.DockerRootDir}}'
expect_match '^/' "$OUT"
expect_no_file relative

test_case "doctor says which id map is in use, and that containers run here"
expect_ok sandbox doctor
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_match 'ids: a range of ids' "$OUT"
else
    expect_match 'ids: one id' "$OUT"
    expect_match 'cure: .+' "$OUT"
fi
expect_match 'verdict: containers run here' "$OUT"
expect_ok sandbox doctor --format json
cp "$WORK/.out" "$WORK/doctor.json"
expect_ok python3 -c 'import json, sys
assert all(a["State"] in ("yes", "no", "limited") for a in json.load(open(sys.argv[1])))' \
    "$WORK/doctor.json"
