#!/bin/bash
# One store under two maps of ids, and a store that was copied: layers are unpacked anew where they
# must be, from the blobs that are kept.
. "$SANDBOX_TESTS/support/lib.sh"

printf '%s\n' '{"path": "owned", "type": "file", "uid": 33, "gid": 44, "data": "text"}' \
    '{"path": "dir/deep", "type": "file", "mode": "0600", "uid": 1000, "gid": 1000, "data": "deep"}' \
    >"$WORK/entries"
expect_ok make_image "$WORK/img" --layer busybox --layer "entries:$WORK/entries"
expect_ok sandbox pull -q "oci:$WORK/img"
rm -rf "$WORK/img"
store=$XDG_DATA_HOME/sandbox
modes() { ls "$store/layers" | sed 's/-.*//' | sort | uniq -c | tr -s ' \n' ' '; }

if [ "$SANDBOX_TEST_USER" = range ]; then
    test_case "a store of the range is used with one id: layers are unpacked for that, from its blobs"
    expect_ok sandbox run localhost/img stat -c %u:%g /owned /dir/deep
    expect_eq "33:44 1000:1000" "$(echo $OUT)"
    expect_eq " 2 range " "$(modes)"
    expect_ok unshare -r "$SANDBOX_BIN" run --pull=never localhost/img sh -c 'stat -c %u:%g /owned; cat /owned /dir/deep'
    expect_eq "33:44 textdeep" "$(echo $OUT)"
    expect_eq " 2 range 2 single " "$(modes)"

    test_case "and again with the range, without a network and without unpacking"
    expect_ok sandbox run --pull=never localhost/img stat -c %u:%g /owned
    expect_eq "33:44" "$OUT"
    expect_eq "" "$ERR"
    expect_ok sandbox system check
    expect_ok sandbox rmi localhost/img
    expect_eq " " "$(modes) " "layers after rmi"
else
    test_case "a copy of a store is as good as the store"
    expect_ok sandbox run localhost/img cat /owned /dir/deep
    cp -a "$store" "$WORK/copy"
    expect_ok env SANDBOX_STORE="$WORK/copy" "$SANDBOX_BIN" run --pull=never localhost/img cat /owned /dir/deep
    expect_eq textdeep "$OUT"
    expect_ok env SANDBOX_STORE="$WORK/copy" "$SANDBOX_BIN" system check
    expect_ok env SANDBOX_STORE="$WORK/copy" "$SANDBOX_BIN" rmi localhost/img
fi

test_case "a copy without the layers: they come back from the blobs"
expect_ok make_image "$WORK/two" --layer busybox --layer "entries:$WORK/entries"
expect_ok sandbox pull -q "oci:$WORK/two"
rm -rf "$WORK/copy"
mkdir -m 700 "$WORK/copy"
(cd "$store" && tar -cf - --exclude='layers/*' .) | tar -C "$WORK/copy" -xf -
expect_ok env SANDBOX_STORE="$WORK/copy" "$SANDBOX_BIN" run -q --pull=never localhost/two cat /owned
expect_eq text "$OUT"
expect_ok env SANDBOX_STORE="$WORK/copy" "$SANDBOX_BIN" system check

test_case "L02: 10,000 files of 4 KiB in a layer and in a bind (how long that takes: bench/unpack.sh)"
python3 - "$WORK/files" <<'PYTHON'
import os, sys
for i in range(1, 101):
    os.makedirs(f"{sys.argv[1]}/d{i}")
    for j in range(1, 101):
        with open(f"{sys.argv[1]}/d{i}/f{j}", "wb") as file:
            file.write(b"%4095d\n" % 7)
PYTHON
tar -C "$WORK/files" -cf "$WORK/files.tar" .
expect_ok make_image "$WORK/many" --layer busybox --layer "$WORK/files.tar" --compress none
expect_ok sandbox pull -q "oci:$WORK/many"
expect_ok sandbox run --pull=never -v "$WORK/files:/bound:ro" localhost/many \
    sh -c 'find /bound -type f | wc -l; find /d* -type f | wc -l; cmp /d7/f7 /bound/d100/f100'
expect_eq "10000 10000" "$(echo $OUT)"
