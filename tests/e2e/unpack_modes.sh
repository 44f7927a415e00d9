#!/bin/bash
# Permissions arrive as the layer has them, whatever the caller's umask is.
. "$SANDBOX_TESTS/support/lib.sh"

cat >entries <<'ENTRIES'
{"path": "m/empty", "type": "file", "mode": "0666", "data": ""}
{"path": "m/text", "type": "file", "mode": "0662", "data": "hello"}
{"path": "m/group", "type": "file", "mode": "0664", "gid": 43, "data": "hello"}
{"path": "m/none", "type": "file", "mode": "0000", "data": "hello"}
{"path": "m/setuid", "type": "file", "mode": "6775", "data": "hello"}
{"path": "m/open", "type": "dir", "mode": "1777"}
{"path": "m/closed", "type": "dir", "mode": "0070"}
ENTRIES
make_image img --layer busybox --layer entries:entries >/dev/null
umask 077

test_case "files and directories have the layer's mode"
expect_ok sandbox pull -q oci:img:latest
run_rc sandbox run localhost/img sh -c \
    'cd /m && stat -c "%n %a" empty text group none setuid open closed'
expect_eq 'empty 666
text 662
group 664
none 0
setuid 6775
open 1777
closed 70' "$OUT"

test_case "the store's check agrees"
expect_ok sandbox system check
