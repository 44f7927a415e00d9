#!/bin/bash
# Pid 1 is our own program: what it was started with must not be readable inside. E27.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
mkdir "$WORK/private-folder"

test_case "neither the caller's words nor environment nor program show in /proc/1"
HOST_SECRET=hunter2 run_rc sandbox run -v "$WORK/private-folder:/x" localhost/busybox \
    cat /proc/1/cmdline
expect_eq 0 "$RC"
expect_match '^sandbox-init' "$OUT"
expect_no_match 'private-folder|hunter2|--|localhost' "$OUT"
HOST_SECRET=hunter2 expect_rc 1 sandbox run localhost/busybox cat /proc/1/environ
expect_rc 1 sandbox run localhost/busybox readlink /proc/1/exe
