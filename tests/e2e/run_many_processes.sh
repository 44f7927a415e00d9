#!/bin/bash
# Very many processes: zombies for our pid 1 (L10), a fork bomb within its limit (L06).
# SANDBOX_TEST_ZOMBIES: how many (100000).
. "$SANDBOX_TESTS/support/lib.sh"

mkdir -p "$WORK/layer/bin"
cat >"$WORK/orphans.c" <<'C'
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
// orphans COUNT: so many processes that end behind a parent that has ended before them; then how
// many processes there are.
int main(int argc, char **argv) {
    int left = argc > 1 ? atoi(argv[1]) : 0, failed = 0;
    while (left > 0) {
        int batch = left < 500 ? left : 500;
        pid_t parent = fork();
        if (parent == 0) {
            for (int i = 0; i < batch; ++i) {
                pid_t child;
                // The limit counts zombies too: pid 1 is behind.
                while ((child = vfork()) < 0) usleep(1000);
                if (child == 0) _exit(0);
            }
            _exit(0);
        }
        int status = 0;
        if (parent < 0 || waitpid(parent, &status, 0) != parent || status != 0) ++failed;
        left -= batch;
    }
    int processes = 0;
    for (int round = 0; round < 100; ++round) {
        DIR *proc = opendir("/proc");
        struct dirent *entry;
        processes = 0;
        while ((entry = readdir(proc))) processes += entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
        closedir(proc);
        if (processes == 2) break;  // pid 1 and we
        usleep(20000);
    }
    printf("failed %d processes %d\n", failed, processes);
    return 0;
}
C
cat >"$WORK/bomb31415.c" <<'C'
#include <unistd.h>
int main(void) {
    for (;;)
        if (fork() < 0) usleep(20000);
}
C
for name in orphans bomb31415; do
    expect_ok cc -O1 -static -o "$WORK/layer/bin/$name" "$WORK/$name.c"
done
expect_ok make_image "$WORK/img" --layer busybox --layer "$WORK/layer"
expect_ok sandbox pull -q "oci:$WORK/img"

count=${SANDBOX_TEST_ZOMBIES:-100000}
test_case "L10: $count zombies that are left to our pid 1 are all reaped"
expect_ok timeout 120 "$SANDBOX_BIN" run localhost/img orphans "$count"
expect_eq "failed 0 processes 2" "$OUT"

test_case "L06: a fork bomb stays within --pids-limit, and the rest of the machine lives"
"$SANDBOX_BIN" run --pids-limit 100 --name bomb localhost/img bomb31415 >"$WORK/bomb" 2>&1 &
bomb=$!
bombs() { pgrep -u "$(id -u)" -x bomb31415 | wc -l; }
has_grown() { [ "$(bombs)" -ge 40 ]; }
wait_until 20 has_grown || fail "the bomb does not explode: $(bombs)"
sleep 0.5
expect_eq yes "$([ "$(bombs)" -le 100 ] && echo yes)" "processes: $(bombs)"
started=$(date +%s%N)
expect_ok timeout 20 "$SANDBOX_BIN" run localhost/img echo alive
expect_eq alive "$OUT"
expect_eq yes "$([ $(($(date +%s%N) - started)) -lt 5000000000 ] && echo yes)" "another container in time"

test_case "L06: and ends within ten seconds when it is told to"
started=$(date +%s%N)
expect_ok timeout 30 "$SANDBOX_BIN" rm -f bomb
wait "$bomb"
expect_eq yes "$([ $(($(date +%s%N) - started)) -lt 10000000000 ] && echo yes)" "ended in time"
expect_eq 0 "$(bombs)" "processes left"
expect_eq "" "$(sandbox ps -aq)"
