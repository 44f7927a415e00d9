#!/bin/bash
# Who the payload is. E16, E17, E18, E19, E20, E21, E22, E29.
. "$SANDBOX_TESTS/support/lib.sh"

mkdir -p "$WORK/layer/bin"
cat >"$WORK/ids.c" <<'C'
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("%u %u\n", getuid(), geteuid()); return 0; }
C
cat >"$WORK/keys.c" <<'C'
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) { printf("%ld\n", syscall(SYS_keyctl, 0, -3, 0)); return 0; }
C
cat >"$WORK/trace.c" <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
// trace PID…: what can be done to a child of our own, and to each PID.
static void probe(const char *who, pid_t pid, void *address) {
    char byte = 0;
    struct iovec here = {&byte, 1}, there = {address, 1};
    long read = process_vm_readv(pid, &here, 1, &there, 1, 0);
    long seize = ptrace(PTRACE_SEIZE, pid, 0, 0);
    printf("%s kill:%d vm:%d ptrace:%d pidfd:%d\n", who, kill(pid, 0) == 0, read == 1, seize == 0,
           syscall(SYS_pidfd_open, pid, 0) >= 0);
}
int main(int argc, char **argv) {
    pid_t child = fork();
    if (child == 0) for (;;) pause();
    probe("own", child, &child);
    for (int i = 1; i < argc; ++i) probe("host", atoi(argv[i]), &child);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    return 0;
}
C
for name in ids keys trace; do
    expect_ok cc -O1 -static -w -o "$WORK/layer/bin/$name" "$WORK/$name.c"
done
printf '{"path": "bin/setuid-ids", "type": "file", "mode": "04755", "data": ""}\n' >"$WORK/none"
cp "$WORK/layer/bin/ids" "$WORK/layer/bin/setuid-ids"
chmod 4755 "$WORK/layer/bin/setuid-ids"
expect_ok make_image "$WORK/img" --layer busybox --layer "$WORK/layer" \
    --label run.oci.keep_original_groups=1 --label io.podman.annotations.privileged=TRUE \
    --label containerd.io/restart.status=running
expect_ok sandbox pull -q "oci:$WORK/img"
run() { sandbox run "$@"; }

test_case "E16: the session keyring is a new one, and keys are not shown"
expect_ok run --security-opt seccomp=unconfined localhost/img keys
inside=$OUT
expect_ok "$WORK/layer/bin/keys"
expect_ne "$OUT" "$inside" "session keyring"
expect_ok run localhost/img cat /proc/keys
expect_eq "" "$OUT"
expect_ok run localhost/img keys
expect_eq -1 "$OUT"

test_case "E17: processes of the host cannot be reached, those beside one can"
sleep 300 &
host=$!
expect_ok run localhost/img trace "$host" "$$" 2
expect_match 'own kill:1 vm:1 ptrace:1 pidfd:1' "$OUT"
expect_no_match "host kill:1" "$(printf '%s\n' "$OUT" | grep -v "^own" | head -n 2)"
expect_ok kill -0 "$host"
stop_pid "$host"

test_case "E18, E29: the groups are exactly those of the image, and labels change nothing"
expect_ok run localhost/img id
expect_match '^uid=0\(root\) gid=0\(root\) groups=0\(root\)' "$OUT"
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_ok run -u 4000 localhost/img sh -c 'id -u; id -g; id -G'
    expect_eq "4000 0 0" "$(echo $OUT)"
    expect_ok run -u 4000:2000 --group-add 3000 localhost/img sh -c 'id -u; id -g; id -G'
    expect_eq "4000 2000 2000 3000" "$(echo $OUT)"
    expect_ok run -u root:2000 localhost/img sh -c 'id -u; id -g'
    expect_eq "0 2000" "$(echo $OUT)"
else
    expect_ok run -u 1000:2000 localhost/img sh -c 'id -u; id -g'
    expect_eq "1000 2000" "$(echo $OUT)"
fi

test_case "E19: a user that is no number in range is never root"
for user in 4294967296 4294967295 -1 0x0 ' 0' $'root\n' '0:4294967296' 1e3 99999999999999999999 ''; do
    run_rc run -u "$user" localhost/img id -u
    if [ -z "$user" ]; then continue; fi
    expect_eq 125 "$RC" "exit for user \"$user\""
    expect_ne 0 "$OUT"
    printf '{"path": "etc/passwd", "type": "file", "data": "%s"}\n' \
        'x:x:0:0::/:/bin/sh\\n4294967296:x:0:0::/:/bin/sh\\n-1:x:0:0::/:/bin/sh\\n' >"$WORK/entries"
done
rm -rf "$WORK/odd"
expect_ok make_image "$WORK/odd" --layer busybox --layer "entries:$WORK/entries" --user 4294967296
run_rc run "oci:$WORK/odd" id -u
expect_ne 0 "$RC"
expect_eq "" "$OUT"

test_case "E20: an odd /etc/passwd is an error or ignored, in bounded time"
odd() { printf '%s\n' "$1" >"$WORK/entries"; }
for entry in '{"path": "etc/passwd", "type": "fifo"}' \
    '{"path": "etc/passwd", "type": "symlink", "target": "/dev/zero"}' \
    '{"path": "etc/passwd", "type": "symlink", "target": "passwd"}' \
    '{"path": "etc/passwd", "type": "symlink", "target": "../../../../../../etc/shadow"}' \
    '{"path": "etc/passwd", "type": "dir"}'; do
    odd "$entry"
    rm -rf "$WORK/odd"
    expect_ok make_image "$WORK/odd" --layer busybox --layer "entries:$WORK/entries"
    run_rc timeout 20 "$SANDBOX_BIN" run -u someone "oci:$WORK/odd" id -u
    expect_eq 125 "$RC" "$entry"
    run_rc timeout 20 "$SANDBOX_BIN" run "oci:$WORK/odd" true
    expect_match '^(0|125)$' "$RC" "$entry"
done
python3 -c 'import json; print(json.dumps({"path": "etc/passwd", "type": "file", "data": "a" * 3000000}))' \
    >"$WORK/entries"
rm -rf "$WORK/odd"
expect_ok make_image "$WORK/odd" --layer busybox --layer "entries:$WORK/entries"
run_rc timeout 20 "$SANDBOX_BIN" run -u someone "oci:$WORK/odd" id -u
expect_eq 125 "$RC" "a long line"

test_case "E21: setuid programs of the image work, unless no-new-privileges forbids it"
if [ "$SANDBOX_TEST_USER" = range ]; then
    expect_ok run -u 1000:1000 localhost/img setuid-ids
    expect_eq "1000 0" "$OUT"
    expect_ok run -u 1000:1000 --security-opt no-new-privileges localhost/img setuid-ids
    expect_eq "1000 1000" "$OUT"
fi

test_case "E22: capabilities that are added are had, and only those"
expect_ok run --cap-drop ALL localhost/img sh -c 'grep -E "Cap(Prm|Eff|Bnd|Amb|Inh)" /proc/self/status'
expect_eq "0000000000000000" "$(printf '%s\n' "$OUT" | awk '{print $2}' | sort -u)"
expect_ok run --cap-drop ALL --cap-add NET_RAW localhost/img sh -c 'grep CapEff /proc/self/status'
expect_eq "CapEff:	0000000000002000" "$OUT"
expect_ok run --cap-drop ALL --cap-add NET_RAW localhost/img sh -c 'grep -E "Cap(Inh|Amb)" /proc/self/status'
expect_eq "0000000000000000" "$(printf '%s\n' "$OUT" | awk '{print $2}' | sort -u)"
