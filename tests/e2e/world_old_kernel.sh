#!/bin/bash
# users: plain
# Where newer system calls do not exist, the older ones do: clone3, openat2, close_range, and the
# mount API (Linux 5.2) with mount_setattr (5.12). Overlay without root needs 5.11 in any case.
# Only for the user without a range: the shim sets no_new_privs, which disarms newuidmap.
. "$SANDBOX_TESTS/support/lib.sh"

expect_ok cc -O1 -o "$WORK/without" "$SANDBOX_TESTS/support/without_calls.c"
mkdir -p "$WORK/layer/data/sub"
echo seed >"$WORK/layer/data/sub/file"
expect_ok make_image "$WORK/img" --layer busybox --layer "$WORK/layer"
printf '{"path": "link", "type": "symlink", "target": "../../tmp/deep"}\n' >"$WORK/entries"
expect_ok make_image "$WORK/many" --layer busybox --layer "$WORK/layer" --layer "entries:$WORK/entries"
expect_ok sandbox pull -q "oci:$WORK/img"
expect_ok sandbox pull -q "oci:$WORK/many"
mkdir -p "$WORK/shared/dir"
on_exit rm -f /dev/shm/sandbox-world
echo text >"$WORK/shared/dir/file"

# What a launch must still do and refuse.
check_world() { # NUMBERS
    local old=("$WORK/without" "$1" "$SANDBOX_BIN")
    expect_ok "${old[@]}" run localhost/img sh -c 'echo hello; ls /proc/self/fd | wc -l; pwd'
    expect_eq "hello 4 /" "$(echo $OUT)"
    expect_rc 7 "${old[@]}" run --init=false localhost/img sh -c 'exit 7'
    expect_ok "${old[@]}" run -w /link/work -v "$WORK/shared:/link/a:ro" --tmpfs /t localhost/many \
        sh -c 'pwd; cat /link/a/dir/file; touch /link/a/dir/x 2>/dev/null || echo refused; touch /t/x'
    expect_eq "/tmp/deep/work text refused" "$(echo $OUT)"
    expect_no_file "$WORK/shared/dir/x"
    expect_ok "${old[@]}" run -v /:/host:ro localhost/img sh -c \
        'touch /host/dev/shm/sandbox-world 2>/dev/null || echo refused'
    expect_eq refused "$OUT"
    expect_no_file /dev/shm/sandbox-world
    expect_ok "${old[@]}" run --read-only localhost/img sh -c 'touch /x 2>/dev/null || echo refused'
    expect_eq refused "$OUT"
    expect_ok "${old[@]}" run -v "vol$2:/data" localhost/img cat /data/sub/file
    expect_eq seed "$OUT"
    expect_ok "${old[@]}" run localhost/img sh -c \
        'test ! -s /proc/keys; for i in /proc/sys/kernel/core_pattern /proc/sysrq-trigger; do
         (echo x >$i) 2>/dev/null && echo $i; done; true'
    expect_eq "" "$OUT"
    expect_error 125 'forbidden (mount )?target' "${old[@]}" run -v "$WORK/shared:/proc/self" \
        localhost/img true
    expect_error 127 'no such file' "${old[@]}" run localhost/img nosuch
}

# Numbers are the same on all architectures from 424 on.
index=0
for world in "clone3:435" "openat2:437" "close_range:436" "fsopen:430" "open_tree:428" \
    "mount_setattr:442" "mount API:428,429,430,431,432,433,442" \
    "all:428,429,430,431,432,433,435,436,437,442"; do
    index=$((index + 1))
    test_case "without ${world%%:*}"
    check_world "${world#*:}" $index
done

# getxattrat(2) is of Linux 6.13; without openat2 identities are not emulated.
for world in 464:33:44 428,429,430,431,432,433,435,436,442,464:33:44 437:0:0; do
    test_case "identities without ${world%%:*}"
    expect_ok "$WORK/without" "${world%%:*}" "$SANDBOX_BIN" run localhost/img sh -c \
        'touch /tmp/f; ln -s f /tmp/l; chown 33:44 /tmp/f && chown -h 33:44 /tmp/l && stat -c %u:%g /tmp/f /tmp/l; stat -c %u /bin'
    expect_eq "${world#*:} ${world#*:} 0" "$(echo $OUT)"
done

test_case "without mount_setattr, below a bind there is a mount that another one hides"
# shellcheck disable=SC2016  # for the inner shell
expect_ok unshare -Urm sh -c '
    mount -t tmpfs below "$1/dir" && mkdir "$1/dir/deep" && mount -t tmpfs hidden "$1/dir/deep" &&
    mount -t tmpfs above "$1/dir" && shift && exec "$@"' sh "$WORK/shared" "$WORK/without" 442 \
    "$SANDBOX_BIN" run -v "$WORK/shared:/shared:ro" localhost/img sh -c \
    'for place in /shared /shared/dir; do touch $place/x 2>/dev/null || echo refused; done'
expect_eq "refused refused" "$(echo $OUT)"

# NS_GET_PID_FROM_PIDNS and NS_GET_PID_IN_PIDNS are of Linux 6.11. Without them a process's own files
# look like root's, and all else is as it was.
test_case "identities without the pid requests of namespaces"
expect_ok "$WORK/without" ioctl=0x8004b706,ioctl=0x8004b708 "$SANDBOX_BIN" run localhost/img sh -c '
    echo "someone:x:1000:1000::/:/bin/sh" >>/etc/passwd
    touch /tmp/f; chown 33:44 /tmp/f; stat -c %u:%g /tmp/f
    su someone -s /bin/sh -c "id -u; stat -c %u /proc/self/status; touch /tmp/own; stat -c %u /tmp/own
        chown 5 /tmp/own 2>/dev/null || echo refused; (sleep 0.1; id -u) & wait"'
expect_eq "33:44 1000 0 1000 refused 1000" "$(echo $OUT)"
