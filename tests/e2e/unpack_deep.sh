#!/bin/bash
# Layers that go deep: as deep as a path can be said to the kernel, in bearable time, and no deeper.
. "$SANDBOX_TESTS/support/lib.sh"

echo '{"path": "x", "type": "file", "data": "x"}' >below
deep_image() { # DIR LEVELS
    python3 -c 'import json, sys
print(json.dumps({"path": "a/" * int(sys.argv[1]) + "f", "type": "file", "data": "x"}))' "$2" >"entries-$2"
    make_image "$1" --layer busybox --layer entries:below --layer "entries:entries-$2" >"$WORK/out"
}

test_case "directories that a layer implies, one within the other, cost no more than others"
deep_image deep 2047
expect_ok timeout 60 "$SANDBOX_BIN" pull -q oci:deep:latest
expect_ok sandbox run localhost/deep sh -c 'i=0; while cd a 2>/dev/null; do i=$((i+1)); done; echo $i; cat f'
expect_eq '2047 x' "$(echo $OUT)"
expect_ok sandbox system check
expect_ok sandbox rmi localhost/deep

test_case "deeper than that is refused, and nothing is left"
deep_image deeper 3000
expect_error 1 'bad path .*deeper than 2048 directories' timeout 60 "$SANDBOX_BIN" pull -q oci:deeper:latest
deep_image deepest 100000
expect_error 1 'bad path .*longer than 16384 bytes' timeout 60 "$SANDBOX_BIN" pull -q oci:deepest:latest
expect_eq "" "$(sandbox images -q)" "images"

test_case "nor does a link make a way deeper than that"
python3 -c 'import json
print(json.dumps({"path": "a/" * 1500 + "f", "type": "file", "data": "x"}))
print(json.dumps({"path": "l", "type": "symlink", "target": "a/" * 1500}))
print(json.dumps({"path": "l/" + "b/" * 1500 + "f", "type": "file", "data": "x"}))' >entries-link
make_image link --layer busybox --layer entries:entries-link >"$WORK/out"
expect_error 1 'bad path .*deeper than 2048 directories' timeout 60 "$SANDBOX_BIN" pull -q oci:link:latest
expect_eq "" "$(sandbox images -q)" "images"
