#!/bin/bash
# exec -u: names come from the container's own files as they are now, whatever these files are.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
"$SANDBOX_BIN" run --name box --group-add 4242 localhost/busybox sleep 1000 >/dev/null 2>&1 &
on_exit stop_pid $!
expect_ok wait_until 20 sandbox exec box true
who='grep -E "^(Uid|Gid|Groups)" /proc/self/status | tr -s "\t " " "; echo $HOME'

test_case "an account made a moment ago is known, with its groups and home"
expect_ok sandbox exec box sh -c 'mkdir -p /etc && echo "root:x:0:0::/root:/bin/sh
late:x:1234:1235::/home/late:/bin/sh" >/etc/passwd && echo "more:x:1300:late" >/etc/group'
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_ok sandbox exec -u late box sh -c "$who"
    expect_match 'Uid: 1234 1234 1234 1234' "$OUT"
    expect_match 'Gid: 1235 ' "$OUT"
    expect_match 'Groups: 1235 1300 4242' "$OUT"
    expect_match '/home/late$' "$OUT"
    expect_ok sandbox exec -u 77:88 box sh -c "$who"
    expect_match 'Uid: 77 ' "$OUT"
    expect_match 'Groups: 88 4242' "$OUT"
    expect_ok sandbox exec -u late -e HOME=/mine box sh -c 'echo $HOME'
    expect_eq /mine "$OUT"
else
    # Emulated: as the program is told by the calls that ask.
    expect_ok sandbox exec -u late box sh -c 'id -u; id -g; id -G; echo $HOME'
    expect_eq '1234 1235 1235 1300 4242 /home/late' "$(echo $OUT)"
    expect_ok sandbox exec -u 77:88 box sh -c 'id -u; id -G'
    expect_eq '77 88 4242' "$(echo $OUT)"
    expect_ok sandbox exec box id -u
    expect_eq 0 "$OUT"
fi

test_case "an unknown user is told, numbers that are none are refused"
expect_rc 125 sandbox exec -u nobody-knows box true
expect_match 'unable to find user "nobody-knows"' "$ERR"
for wrong in 4294967296 -1 0x0 00 'root
' ' 0'; do
    expect_rc 125 sandbox exec -u "$wrong" box true
done

test_case "account files that are no files cost neither time nor memory"
for trick in 'mknod /etc/passwd p' 'mkdir /etc/passwd' 'ln -s /dev/zero /etc/passwd' \
    'ln -s /proc/self/fd/1 /etc/passwd' 'truncate -s 2G /etc/passwd' 'ln -s /dev/tty /etc/passwd'; do
    expect_ok sandbox exec box sh -c "rm -rf /etc/passwd; $trick"
    expect_ok timeout 10 "$BASH" -c "ulimit -v 500000; '$SANDBOX_BIN' exec -u 0 box true"
    expect_rc 125 timeout 10 "$SANDBOX_BIN" exec -u root box true
done
