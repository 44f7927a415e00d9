// without_sockets FAMILY[:PROTOCOL][,…] COMMAND…: runs the command where these sockets do not
// exist, as on a kernel that was built without them: EAFNOSUPPORT, or EPROTONOSUPPORT for a
// protocol. Sets no_new_privs.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD(field) \
    (struct sock_filter) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skipped) \
    (struct sock_filter) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped)
#define ANSWER(what) (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, what)

int main(int argc, char** argv) {
    struct sock_filter steps[80];
    unsigned short count = 0;
    if (argc < 3) return 2;
    for (char* word = strtok(argv[1], ","); word != NULL && count < 70; word = strtok(NULL, ",")) {
        const char* colon = strchr(word, ':');
        steps[count++] = LOAD(nr);
        steps[count++] = UNLESS(SYS_socket, colon ? 5 : 3);
        steps[count++] = LOAD(args[0]);
        steps[count++] = UNLESS((unsigned)atoi(word), colon ? 3 : 1);
        if (colon) {
            steps[count++] = LOAD(args[2]);
            steps[count++] = UNLESS((unsigned)atoi(colon + 1), 1);
        }
        steps[count++] = ANSWER(SECCOMP_RET_ERRNO | (colon ? EPROTONOSUPPORT : EAFNOSUPPORT));
    }
    steps[count++] = ANSWER(SECCOMP_RET_ALLOW);
    struct sock_fprog program = {count, steps};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("without_sockets");
        return 1;
    }
    execvp(argv[2], argv + 2);
    perror(argv[2]);
    return 127;
}
