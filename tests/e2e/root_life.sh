#!/bin/bash
# users: root
# What root does with a store of its own: its containers have a range of ids that no account has.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox pull -q "oci:$(image nginx)"
busybox=localhost/busybox

test_case "root inside is nobody outside"
expect_ok sandbox run --rm "$busybox" sh -c 'id -u; cat /proc/self/uid_map'
expect_match '^0'$'\n'' +0 +[1-9][0-9]{5,} ' "$OUT"
expect_ok sandbox run --rm -v "$WORK:/w" "$busybox" sh -c '! touch /w/x 2>/dev/null'

test_case "the streams of a foreground run can be opened by name, whoever runs"
expect_eq out "$(sandbox run --rm "$busybox" sh -c 'echo out >/dev/stdout' | cat)"
expect_eq err "$(sandbox run --rm "$busybox" sh -c 'echo err >/dev/stderr' 2>&1 >/dev/null | cat)"
expect_eq in "$(echo in | sandbox run -i --rm -u 1000 "$busybox" cat /dev/stdin)"
sandbox run --rm -u 1000 "$busybox" sh -c 'echo file >/dev/stdout' >"$WORK/file"
expect_eq file "$(cat "$WORK/file")"
expect_ok sandbox run -d --name lives "$busybox" sleep 1000
expect_eq out "$(sandbox exec -u 1000 lives sh -c 'echo out >/proc/self/fd/1' | cat)"
timeout -s QUIT 3 "$SANDBOX_BIN" run --rm localhost/nginx >"$WORK/nginx" 2>&1
expect_no_match 'Permission denied' "$(cat "$WORK/nginx")"

test_case "what is there is measured, and what goes is gone"
expect_ok sandbox ps -as
expect_ok sandbox system df
expect_match 'Containers +1 +1 ' "$OUT"
expect_ok sandbox system check
expect_ok sandbox rm -f -t 0 lives
expect_ok sandbox rmi "$busybox" localhost/nginx
expect_eq '' "$(ls -A "$XDG_DATA_HOME/sandbox/layers")"
expect_ok sandbox pull -q "oci:$(image busybox)"
expect_ok sandbox system prune -f --all
expect_eq '' "$(find "$XDG_DATA_HOME/sandbox/layers" "$XDG_DATA_HOME/sandbox/blobs" -type f)"
