#!/bin/bash
# A layer whose root is opaque hides all layers below it: overlayfs does not look there. U11.
. "$SANDBOX_TESTS/support/lib.sh"

test_case "nothing shows through an opaque root"
cat >"$WORK/lower" <<'LINES'
{"path": "below", "type": "file", "data": "hidden"}
{"path": "both", "type": "dir"}
{"path": "both/below", "type": "file", "data": "hidden"}
LINES
cat >"$WORK/mark" <<'LINES'
{"path": ".wh..wh..opq", "type": "file"}
{"path": "both", "type": "dir"}
{"path": "both/own", "type": "file", "data": "seen"}
LINES
make_image "$WORK/image" --layer "entries:$WORK/lower" --layer "entries:$WORK/mark" \
    --layer busybox --cmd '["sh"]'
run_rc sandbox run "oci:$WORK/image" sh -c 'ls -d /below; ls /both'
expect_eq own "$OUT"
expect_ok sandbox system check
