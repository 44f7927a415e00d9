#!/bin/bash
# --device: devices of the host in a container, and whose groups open them.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok sandbox pull -q "oci:$(image busybox)"
run_image=localhost/busybox
zeros='head -c 4 /dev/nothing | od -An -tx1 | tr -d " \n"'

test_case "a device is there, under the name that was given to it"
expect_ok sandbox run --device /dev/zero:/dev/nothing $run_image sh -c "$zeros; ls -l /dev/nothing"
expect_match '^00000000c' "$OUT"
expect_match ' 1, +5 ' "$OUT"
expect_eq "" "$ERR"
expect_ok sandbox run --device /dev/zero:/a/b/nothing $run_image test -c /a/b/nothing
expect_ok sandbox run --read-only --device /dev/zero:/dev/nothing $run_image sh -c "$zeros"
expect_ok sandbox run --device /dev/zero:/dev/nothing $run_image grep ' /dev/nothing ' /proc/self/mountinfo
expect_match ' [a-z,]*nosuid[a-z,]*noexec' "$OUT"
expect_no_match 'nodev' "$OUT"

test_case "a bind of a device, or of a directory with devices, still has none"
expect_rc 1 sandbox run -v /dev/zero:/dev/nothing $run_image head -c 1 /dev/nothing
expect_match 'ermission denied' "$ERR"
expect_rc 1 sandbox run -v /dev:/host $run_image head -c 1 /host/zero

test_case "what every container has is there already; a directory stands for all that is in it"
expect_ok sandbox run --device /dev/null --device /dev/zero:/dev/zero:rw $run_image true
expect_eq "" "$ERR"
expect_ok sandbox run --device /dev:/host $run_image sh -c 'test -c /host/zero && head -c 1 /host/zero | wc -c'
expect_eq "1 " "$OUT $ERR"

test_case "docker's grammar, and one line for what it is not"
expect_error 125 'is not an absolute path' sandbox run --device zero $run_image true
expect_error 125 'no such file or directory' sandbox run --device /dev/no-such-thing $run_image true
expect_error 125 'is not a device.*-v' sandbox run --device /etc/passwd $run_image true
expect_error 125 'no permission' sandbox run --device /dev/zero:/dev/x:rx $run_image true
expect_error 125 'no permission' sandbox run --device /dev/zero:/dev/x:rrw $run_image true
expect_error 125 'too many parts' sandbox run --device /dev/zero:/dev/x:r:w $run_image true
expect_error 125 'CDI' sandbox run --device vendor.com/class=one $run_image true
expect_error 125 'forbidden target' sandbox run --device /dev/zero:/proc/x $run_image true
expect_error 125 'forbidden target' sandbox run --device /dev/zero:/dev/null $run_image true
expect_error 125 'forbidden target' sandbox run --device /dev/ptmx $run_image true
expect_ok sandbox run --device /dev/zero:/dev/x --device /dev/zero:/dev/x $run_image test -c /dev/x
expect_error 125 'duplicate mount destination' \
    sandbox run --device /dev/zero:/dev/x --device /dev/full:/dev/x $run_image true
expect_error 125 'there is no device in' sandbox run --device /etc $run_image true

test_case "a device that I may not open is said so"
closed=$(find /dev -maxdepth 1 \( -type c -o -type b \) ! -readable ! -writable | head -n 1)
expect_ne "" "$closed"
expect_ok sandbox run --device "$closed" $run_image test -e "$closed"
expect_match "warning: --device $closed: this account may not open it" "$ERR"

test_case "one of a directory's devices that is gone at a start is left out, one that was named is missed"
expect_ok sandbox create --name gone --device /dev:/host $run_image sh -c 'echo /host/z*'
expect_ok sandbox create --name named --device /dev/zero:/host/zero $run_image true
for name in gone named; do
    record=$(echo "$XDG_DATA_HOME"/sandbox/containers/"$(sandbox inspect --format '{{.Id}}' $name)"/record.json)
    sed -i 's|"/dev/zero"|"/dev/none-such"|' "$record"
done
expect_ok sandbox start -a gone
expect_no_match '/host/zero' "$OUT"
expect_error 1 'open the device "/dev/none-such": no such file or directory' sandbox start -a named
expect_ok sandbox rm gone named

test_case "it stays over a restart, exec has it, inspect tells it as docker does"
expect_ok sandbox run -d --name d --device /dev/zero:/dev/nothing:r $run_image sleep 1000
expect_match 'not restricted to that permission' "$ERR"
expect_eq 00000000 "$(sandbox exec d sh -c "$zeros")"
expect_ok sandbox restart -t 0 d
expect_eq 00000000 "$(sandbox exec d sh -c "$zeros")"
expect_eq '[{"PathOnHost":"/dev/zero","PathInContainer":"/dev/nothing","CgroupPermissions":"r"}]' \
    "$(sandbox inspect --format '{{json .HostConfig.Devices}}' d)"
expect_eq 0 "$(sandbox inspect --format '{{len .Mounts}}' d)"
expect_eq "" "$(sandbox ps --format '{{.Mounts}}')"
expect_rc 1 sandbox run --volumes-from d $run_image test -e /dev/nothing
expect_ok sandbox cp d:/etc/passwd "$WORK/passwd"
expect_ok sandbox rm -f d

test_case "a service of a project has them, too"
mkdir "$WORK/p"
cd "$WORK/p" || exit
cat >sandbox.toml <<END
[services.a]
image = "$run_image"
devices = ["/dev/zero:/dev/nothing"]
command = ["sh", "-c", '$zeros']
END
expect_ok sandbox compose run --rm a
expect_match 00000000 "$OUT"
cd "$WORK" || exit

if [ "$SANDBOX_TEST_USER" = range ]; then
    test_case "my groups are the container's only where I ask for it"
    group=$(id -Gn | tr ' ' '\n' | grep -vx "$(id -gn)" | head -n 1)
    [ -n "$group" ] || skip "this account is a member of one group only"
    echo for-a-group >"$WORK/f"
    chgrp "$group" "$WORK/f"
    chmod 640 "$WORK/f"
    expect_rc 1 sandbox run -u 1000 -v "$WORK/f:/f" $run_image cat /f
    expect_ok sandbox run -d --name g -u 1000 --group-add keep-groups -v "$WORK/f:/f" $run_image sleep 1000
    expect_match 'may use what your groups may use' "$ERR"
    expect_eq for-a-group "$(sandbox exec g cat /f)"
    expect_ok sandbox restart -t 0 g
    expect_eq for-a-group "$(sandbox exec g cat /f)"
    expect_ok sandbox rm -f g
fi
expect_ok sandbox run --group-add keep-groups $run_image id
