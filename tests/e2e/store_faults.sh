#!/bin/bash
# Damaged, full, foreign and newer stores.
. "$SANDBOX_TESTS/support/lib.sh"

start_registry
push_busybox busybox:1
image=$REGISTRY/busybox:1
store=$XDG_DATA_HOME/sandbox

test_case "F11 a flipped bit in a blob is found, and pulled anew after a repair"
expect_ok sandbox pull -q "$image"
blob=$(ls -S "$store"/blobs/sha256/* | head -n 1)
python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(1000); c = f.read(1)[0]; f.seek(1000); f.write(bytes([c ^ 4]))' "$blob"
expect_rc 1 sandbox system check
expect_match "${blob##*/}" "$OUT$ERR"
expect_rc 1 sandbox system check --repair
expect_ok sandbox pull -q "$image"
expect_ok sandbox system check

test_case "a file that is gone from an unpacked layer is found, and comes back without a network"
victim=$(find "$store"/layers/*/fs/etc -name group | head -n 1)
rm "$victim"
expect_rc 1 sandbox system check
expect_match "group" "$OUT$ERR"
expect_rc 1 sandbox system check --repair
expect_ok sandbox run --pull=never "$image" cat /etc/group
expect_ok sandbox system check

test_case "a changed file in an unpacked layer is found"
echo evil >>"$(find "$store"/layers/*/fs/etc -name passwd | head -n 1)"
expect_rc 1 sandbox system check --repair
expect_match "passwd" "$OUT$ERR"
expect_ok sandbox pull -q "$image"
expect_ok sandbox system check

test_case "a layer that is gone comes back"
rm -rf "$store"/layers/* 2>/dev/null || unshare --user --map-root-user --map-auto rm -rf "$store"/layers/*
expect_rc 1 sandbox system check
expect_ok sandbox run --pull=never "$image" true

test_case "a blob that is gone is found, and comes back by a pull"
rm "$blob"
expect_rc 1 sandbox system check
expect_match "${blob##*/}" "$OUT$ERR"
expect_ok sandbox run --pull=never "$image" true
expect_ok sandbox pull -q "$image"
expect_ok sandbox system check

test_case "a check that cannot run finds no damage, and a repair then removes nothing"
before=$(ls "$store/layers" "$store/blobs/sha256")
expect_error 1 'could not be checked' prlimit --nproc=1:1 "$SANDBOX_BIN" system check --repair
expect_match 'no damage was found' "$ERR"
expect_eq "$before" "$(ls "$store/layers" "$store/blobs/sha256")" "layers and blobs"
expect_ok sandbox system check

test_case "a layer that a container runs on is not removed; a stopped one gets it back"
expect_ok sandbox run -d --name user "$image" sleep 1000
echo evil >>"$(find "$store"/layers/*/fs/etc -name passwd | head -n 1)"
expect_rc 1 sandbox system check --repair
expect_match 'kept, since container "user" runs on it' "$OUT"
expect_ok sandbox exec user true
expect_ok sandbox stop -t 0 user
expect_rc 1 sandbox system check --repair
expect_eq "" "$(ls "$store/layers")" "layers"
expect_ok sandbox start user
expect_ok sandbox exec user sh -c '! grep evil /etc/passwd'
expect_ok sandbox system check
expect_ok sandbox rm -f -t 0 user

test_case "a layer that two images have by different blobs is compared with the one that is left"
make_image "$WORK/packed" --layer busybox --label a=b
make_image "$WORK/plain" --layer busybox --compress none
expect_ok sandbox pull -q "oci:$WORK/packed"
expect_ok sandbox pull -q "oci:$WORK/plain"
expect_ok sandbox rmi "$image"
expect_ok sandbox rmi localhost/packed
expect_ok sandbox system check
expect_eq "The store is whole." "$OUT"
echo evil >>"$(find "$store"/layers/*/fs/etc -name passwd | head -n 1)"
expect_rc 1 sandbox system check --repair
expect_ok sandbox run localhost/plain sh -c '! grep evil /etc/passwd'
expect_ok sandbox rmi localhost/plain
expect_ok sandbox pull -q "$image"

for content in '' 'garbage' 'sandbox-image 1
id '; do
    test_case "an image record with the content \"${content:0:7}\" is named, and a pull replaces it"
    record=$(ls "$store"/images/refs/*busybox*)
    printf '%s' "$content" >"$record"
    expect_rc 0 sandbox images -q
    expect_eq "" "$OUT"
    expect_match "damaged" "$ERR"
    expect_rc 1 sandbox system check
    # Nothing is swept as long as nobody knows what the record referred to.
    blobs=$(ls "$store/blobs/sha256" | wc -l)
    sandbox system prune -a -f >/dev/null 2>&1
    expect_eq "$blobs" "$(ls "$store/blobs/sha256" | wc -l)" "blobs after prune"
    expect_ok sandbox pull -q "$image"
    expect_ok sandbox system check
done

test_case "F10 a store newer than the program is an error, and stays as it is"
echo 99 >"$store/version"
expect_error 1 'version 99' sandbox images
expect_error 125 'version 99' sandbox run "$image" true
echo 1 >"$store/version"
expect_ok sandbox run --pull=never "$image" true

test_case "a store that others can reach is an error with its cure"
chmod 755 "$store"
expect_error 1 'chmod 700' sandbox images
chmod 700 "$store"

test_case "a store that cannot be written is an error that says so"
chmod 500 "$store"
expect_error 1 'store' sandbox images
chmod 700 "$store"
expect_error 1 'store "/proc"' env SANDBOX_STORE=/proc "$SANDBOX_BIN" images

test_case "F12 a file system that is read-only, or that has no attributes of users, is named with the need"
mkdir place
# shellcheck disable=SC2016  # for the inner shell
on_place() { unshare -Urm sh -c 'mount $1 none place && SANDBOX_STORE=$PWD/place exec "$SANDBOX_BIN" images' sh "$1"; }
expect_error 1 'read-only file system .*can be written' on_place '-t tmpfs -o ro,mode=700'
expect_error 1 'has no user extended attributes .*SANDBOX_STORE' on_place '-t ramfs -o mode=700'

test_case "F03 a full disk is an error, leaves nothing behind, and old images still run"
head -c 40000000 /dev/urandom >"$WORK/noise"
mkdir "$WORK/large" && mv "$WORK/noise" "$WORK/large/noise"
make_image "$WORK/layout" --layer "$WORK/large" --compress none
push_image "$WORK/layout" large:1
cat >"$WORK/full.sh" <<'SCRIPT'
# In a user and mount namespace of our own: a small disk that only we see.
set -u
mount -t tmpfs -o size=$1,mode=700 none "$WORK/small"
export SANDBOX_STORE=$WORK/small/store
SCRIPT
mkdir "$WORK/small"
if unshare --user --map-root-user --mount true 2>/dev/null; then
    for size in 20m 60m; do
        # As uid 0 of a namespace: the store is that root's own.
        run_rc unshare --user --map-root-user --mount bash -c ". '$WORK/full.sh' $size"'
            "$SANDBOX_BIN" pull -q "$0/busybox:1" || exit 90
            "$SANDBOX_BIN" pull -q "$0/large:1" && exit 91
            [ -z "$(find "$SANDBOX_STORE" -name ".tmp-*")" ] || exit 92
            [ -z "$(ls "$SANDBOX_STORE/blobs/partial")" ] || exit 93
            [ "$("$SANDBOX_BIN" images -q | wc -l)" = 1 ] || exit 94
            "$SANDBOX_BIN" system check >/dev/null || exit 95' "$REGISTRY"
        expect_eq 0 "$RC" "a disk of $size: $ERR"
        expect_match "no space left" "$ERR"
    done
else
    skip "no user namespace to mount a small disk in"
fi
