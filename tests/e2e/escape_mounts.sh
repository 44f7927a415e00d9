#!/bin/bash
# Mounts cannot be undone, chroot does not lead out, setuid and devices do not work from the host's
# directories. E10, E23, E24, E25.
. "$SANDBOX_TESTS/support/lib.sh"

mkdir -p "$WORK/layer/bin"
cat >"$WORK/breakout.c" <<'C'
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
// The classic: chroot below the working directory, then walk up from outside of it.
int main(void) {
    mkdir("/tmp/jail", 0755);
    int root = open("/", O_RDONLY);
    if (chroot("/tmp/jail") != 0) { perror("chroot"); return 1; }
    fchdir(root);
    for (int i = 0; i < 64; ++i) chdir("..");
    chroot(".");
    return execl("/bin/busybox", "busybox", "ls", "/", NULL);
}
C
cat >"$WORK/ids.c" <<'C'
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("%u %u\n", getuid(), geteuid()); return 0; }
C
for name in breakout ids; do
    expect_ok cc -O1 -static -w -o "$WORK/layer/bin/$name" "$WORK/$name.c"
done
expect_ok make_image "$WORK/img" --layer busybox --layer "$WORK/layer"
expect_ok sandbox pull -q "oci:$WORK/img"
run() { sandbox run "$@"; }

test_case "E10, E23: masks, mounts and the root stay as they are"
for command in 'umount /proc/kcore' 'umount /proc/keys' 'umount /sys/firmware' 'umount /proc' \
    'umount -l /' 'umount /dev' 'mount -o remount,rw /proc/sys' 'mount -o remount,rw /sys' \
    'mount -t tmpfs x /mnt' 'mount -t proc x /tmp' 'mount --bind / /tmp' 'mount --move /proc /tmp' \
    'pivot_root /tmp /tmp' 'mount -t binfmt_misc x /tmp' 'mount -t cgroup2 x /tmp' \
    'unshare -m true' 'unshare -U true' 'unshare -r mount -t tmpfs x /tmp' 'chroot /proc/1/root/.. true && false'; do
    run_rc run localhost/img sh -c "mkdir -p /mnt; $command"
    expect_ne 0 "$RC" "$command"
done

test_case "E23: a read-only bind is read-only with all that is mounted below it"
run_rc run -v /:/host:ro localhost/img sh -c \
    'touch /host/dev/shm/sandbox-canary /host/tmp/sandbox-canary 2>&1; mount -o remount,rw /host'
expect_ne 0 "$RC"
expect_match 'shm/sandbox-canary: Read-only file system' "$OUT"
expect_no_file /dev/shm/sandbox-canary
expect_no_file /tmp/sandbox-canary

test_case "E24: neither chroot nor /proc/1/root nor .. leads out"
expect_ok run localhost/img breakout
expect_match 'bin' "$OUT"
expect_no_match 'boot' "$OUT"
expect_ok run localhost/img sh -c 'cd /; cd ../../..; ls; ls /..; ls /proc/self/root/..; ls /proc/1/root/.. 2>/dev/null; true'
expect_no_match 'boot' "$OUT"

test_case "E25: setuid files and devices in a bind are plain files"
mkdir "$WORK/shared"
cp "$WORK/layer/bin/ids" "$WORK/shared/"
chmod 4755 "$WORK/shared/ids"
chmod 755 "$WORK" "$WORK/shared"
expect_ok run -v "$WORK/shared:/s" localhost/img grep -c ' /s [^ ]*nosuid,nodev' /proc/self/mountinfo
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_ok run -u 1000:1000 -v "$WORK/shared:/s" localhost/img /s/ids
    expect_eq "1000 1000" "$OUT"
fi

test_case "E11: no device can be made"
for kind in 'b 8 0' 'c 1 1' 'c 10 200'; do
    run_rc run --cap-add MKNOD localhost/img sh -c "mknod /tmp/d $kind; cat </tmp/d"
    expect_ne 0 "$RC" "mknod $kind"
done
