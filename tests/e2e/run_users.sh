#!/bin/bash
# Who the payload is: USER and --user, groups, hostile passwd files. E18, E19, E20.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
as() { sandbox run -u "$1" $run_image id; }

test_case "numbers, names and groups"
expect_match '^uid=0\(root\) gid=0\(root\)' "$(as 0)"
expect_match '^uid=0\(root\) gid=0\(root\)' "$(as root)"
expect_match '^uid=1000\(user\) gid=1000\(user\)' "$(as user)"
expect_match '^uid=1000\(user\) gid=1000\(user\)' "$(as 1000)"
expect_match '^uid=1000\(user\) gid=50\(staff\)' "$(as user:staff)"
expect_match '^uid=1000\(user\) gid=77' "$(as 1000:77)"
expect_match '^uid=4242 gid=0\(root\)' "$(as 4242)"
if [ "$SANDBOX_TEST_USER" = range ]; then
    test_case "with a range the groups are docker's: primary, listed, added"
    expect_match 'groups=50\(staff\),1000\(user\)$' "$(as user)"
    expect_match 'groups=50\(staff\)$' "$(as user:staff)"
    expect_ok sandbox run -u user --group-add daemon --group-add 99 $run_image id -G
    expect_eq "1 50 99 1000" "$(tr ' ' '\n' <<<"$OUT" | sort -n | tr '\n' ' ' | sed 's/ $//')"
    expect_error 125 'user id 70000 is beyond the map' sandbox run -u 70000 $run_image id
else
    test_case "with one id any user is possible, and it is mine outside"
    expect_match '^uid=70000 gid=0' "$(as 70000)"
    mkdir "$WORK/mine"
    expect_ok sandbox run -u user -v "$WORK/mine:/mine" $run_image touch /mine/f
    expect_eq "$(id -u)" "$(stat -c %u "$WORK/mine/f")"
fi

test_case "the image's USER counts, --user wins"
make_image "$WORK/user" --layer busybox --user user --workdir /home/user
expect_match '^uid=1000' "$(sandbox run "oci:$WORK/user" id)"
expect_match '^uid=0' "$(sandbox run -u root "oci:$WORK/user" id)"
expect_eq /home/user "$(sandbox run "oci:$WORK/user" pwd)"

test_case "a non-root user has no capability but keeps the bounding set"
expect_ok sandbox run -u user $run_image grep Cap /proc/self/status
expect_match $'CapEff:\t0000000000000000' "$OUT"
expect_match $'CapPrm:\t0000000000000000' "$OUT"
expect_no_match $'CapBnd:\t0000000000000000' "$OUT"

test_case "what only looks like a number is never uid 0, whatever passwd says"
hostile=0
for user in 4294967296 -1 2147483648 0x0 00 $'root\n' ' 0' '+0' 18446744073709551616; do
    hostile=$((hostile + 1))
    python3 - "$user" >"$WORK/entries" <<'PY'
import json, sys
print(json.dumps({"path": "etc/passwd", "type": "file",
                  "data": sys.argv[1] + ":x:0:0::/:/bin/sh\nroot:x:0:0::/root:/bin/sh\n"}))
PY
    make_image "$WORK/hostile$hostile" --layer busybox --layer "entries:$WORK/entries" --user "$user"
    run_rc sandbox run "oci:$WORK/hostile$hostile" id -u
    expect_eq 125 "$RC" "USER $(printf %q "$user")"
    expect_eq "" "$OUT"
    run_rc sandbox run -u "$user" "oci:$WORK/hostile$hostile" id -u
    expect_eq 125 "$RC" "--user $(printf %q "$user")"
done

test_case "a passwd that is no reasonable file costs neither time nor memory"
passwd_image() { # NAME ENTRY-JSON
    printf '%s\n' "$2" >"$WORK/entries"
    make_image "$WORK/$1" --layer busybox --layer "entries:$WORK/entries"
}
passwd_image fifo '{"path": "etc/passwd", "type": "fifo"}'
passwd_image link '{"path": "etc/passwd", "type": "symlink", "target": "/dev/zero"}'
passwd_image out '{"path": "etc/passwd", "type": "symlink", "target": "../../../../../etc/passwd"}'
passwd_image dir '{"path": "etc/passwd/x", "type": "dir"}'
passwd_image big '{"path": "etc/passwd", "type": "file", "size": 2147483648}'
for name in fifo link out dir big; do
    rc=0
    OUT=$( (ulimit -v 4000000; timeout 60 "$SANDBOX_BIN" run "oci:$WORK/$name" grep Uid /proc/self/status) 2>"$WORK/.err") || rc=$?
    ERR=$(cat "$WORK/.err")
    expect_ne 124 "$rc" "$name ends"
    [ "$rc" -eq 125 ] || expect_eq $'Uid:\t0\t0\t0\t0' "$OUT" "$name"
    run_rc timeout 60 "$SANDBOX_BIN" run -u nobody-at-all "oci:$WORK/$name" id
    expect_eq 125 "$RC" "$name with a name"
done

test_case "names that are not there say where they were looked for"
expect_error 125 'unable to find user' sandbox run -u nosuch $run_image id
expect_error 125 'unable to find group' sandbox run -u user:nosuch $run_image id
expect_error 125 'keep-groups excludes all others' \
    sandbox run --group-add keep-groups --group-add user $run_image id

if [ "$SANDBOX_TEST_USER" = range ]; then
    test_case "without the right to its ids a run ends with what newuidmap said"
    for network in host none; do
        expect_error 125 'newuidmap failed: .*not permitted' timeout 20 setpriv --no-new-privs \
            "$SANDBOX_BIN" run --network $network $run_image true
    done
fi
