#!/bin/bash
# Images as people have them: a distribution, and one of 600 MB with 40,000 files in 3 layers, from
# a real registry, run without root.
. "$SANDBOX_TESTS/support/lib.sh"
start_registry

test_case "a Debian image runs: its shell, its package database, its programs"
push_image "$(image debian)" debian:bookworm
expect_ok sandbox pull -q "$REGISTRY/debian:bookworm"
expect_ok sandbox run "$REGISTRY/debian:bookworm" cat /etc/os-release
expect_match 'VERSION_CODENAME=' "$OUT"
expect_ok sandbox run "$REGISTRY/debian:bookworm" bash -c 'dpkg --audit && dpkg-query -W | wc -l'
expect_match '^[0-9]{2,}$' "$OUT" "number of packages"
expect_ok sandbox run "$REGISTRY/debian:bookworm" \
    bash -c 'perl -e "print 6 * 7" && test -w /var/lib/dpkg && touch /usr/local/bin/x'
expect_eq 42 "$OUT"

test_case "programs that change owner or user work in it"
expect_ok sandbox run "$REGISTRY/debian:bookworm" \
    bash -c 'touch /tmp/f && chown daemon:daemon /tmp/f && setpriv --reuid 1 --clear-groups true'
expect_ok sandbox run --user nobody "$REGISTRY/debian:bookworm" id -u
expect_eq 65534 "$OUT"

test_case "an image of 600 MB and 40,000 files is pulled whole and runs"
push_image "$(image big)" big:1
expect_ok sandbox pull -q "$REGISTRY/big:1"
expect_ok sandbox run "$REGISTRY/big:1" \
    sh -c 'find /data1 /data2 /data3 -type f | wc -l; du -sm / | cut -f1'
expect_match $'^399[0-9]{2}\n[5-7][0-9]{2}$' "$OUT" "files, megabytes"
expect_ok sandbox system check

test_case "files in it are those that were packed"
layer=$(python3 - "$(image big)" <<'PYTHON'
import hashlib, json, os, sys, tarfile
top = sys.argv[1]
blob = lambda digest: os.path.join(top, "blobs", *digest.split(":"))
with open(os.path.join(top, "index.json")) as file:
    manifest = json.load(file)["manifests"][0]["digest"]
with open(blob(manifest)) as file:
    layers = json.load(file)["layers"]
with tarfile.open(blob(layers[-1]["digest"])) as tar:
    for number, member in enumerate(m for m in tar if m.isfile()):
        if number % 200 == 0:
            print(hashlib.sha256(tar.extractfile(member).read()).hexdigest() + "  /" + member.name)
        if number > 4000:
            break
PYTHON
)
printf '%s\n' "$layer" >sums
expect_eq 21 "$(wc -l <sums)" "number of samples"
expect_ok sandbox run -v "$PWD/sums:/sums:ro" "$REGISTRY/big:1" sha256sum -c /sums
expect_no_match 'FAILED' "$OUT"

test_case "what is removed is gone from the disk"
expect_ok sandbox rmi "$REGISTRY/big:1" "$REGISTRY/debian:bookworm"
expect_ok sandbox system prune --all --force
used_kb=$(du -sk "$XDG_DATA_HOME/sandbox" | cut -f1)
expect_eq yes "$([ "$used_kb" -lt 1000 ] && echo yes)" "$used_kb KiB are left"
