#!/bin/sh
# e2e_stage.sh make|remove BUILD_DIR BINARY
# Copies the program and the tests where the test users can read them (a checkout may lie below a
# 0700 directory), and writes that place's path to BUILD_DIR/e2e-stage.
set -eu
action=$1 build_dir=$2 binary=$3
note=$build_dir/e2e-stage
remove_stage() {
    if [ -f "$note" ]; then
        stage=$(cat "$note")
        case $stage in */sandbox-e2e.*) rm -rf -- "$stage" ;; esac
        rm -f -- "$note"
    fi
}
remove_stage
if [ "$action" = make ]; then
    source_dir=$(cd "$(dirname "$0")/../.." && pwd)
    stage=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-e2e.XXXXXXXX")
    printf '%s\n' "$stage" >"$note"
    chmod 755 "$stage"
    cp -- "$binary" "$stage/sandbox"
    cp -R -- "$source_dir/tests" "$stage/tests"
    chmod -R a+rX "$stage"
    if [ "$(id -u)" -eq 0 ]; then
        sh "$source_dir/tests/support/users.sh"
    fi
fi
