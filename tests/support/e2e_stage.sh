#!/bin/sh
# e2e_stage.sh make|remove BUILD_DIR [BINARY]
# Copies the program and the tests where the test users can read them (a checkout may lie below a
# 0700 directory), writes that place's path to BUILD_DIR/e2e-stage, and makes what only root or a
# first run can make: the users, and the images that tests share.
set -eu
action=$1 build_dir=$2 binary=${3:-}
note=$build_dir/e2e-stage
if [ -f "$note" ]; then
    stage=$(cat "$note")
    case $stage in */sandbox-e2e.*) rm -rf -- "$stage" ;; esac
    rm -f -- "$note"
fi
[ "$action" = make ] || exit 0

source_dir=$(cd "$(dirname "$0")/../.." && pwd)
stage=$(mktemp -d "${TMPDIR:-/tmp}/sandbox-e2e.XXXXXXXX")
printf '%s\n' "$stage" >"$note"
cp -R -- "$source_dir/tests" "$source_dir/profiles" "$stage/"
if [ -n "$binary" ] && [ -f "$binary" ]; then
    cp -- "$binary" "$stage/sandbox"
fi
chmod -R u=rwX,go=rX "$stage"
if [ "$(id -u)" -eq 0 ]; then
    sh "$source_dir/tests/support/users.sh"
fi
# An image that cannot be made fails the tests that ask for it, and no others.
for image in busybox buildah podman skopeo umoci big debian debian-tools redis nginx postgres mariadb \
    wordpress servers languages; do
    bash "$source_dir/tests/support/images.sh" "$image" || true
done
