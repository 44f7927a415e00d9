// jumping_clock JUMP[,JUMP…] PROGRAM [ARGUMENT…]: runs it, and all that it starts, with a wall
// clock that jumps. A JUMP is SECONDS@READS: from then on the clock is that far off, when it has
// been read so often by all of them together. Other clocks go on as they are. Exits as the program
// does; what it leaves running goes on with that clock. JUMPING_CLOCK_READS names a file that is
// told, at that end, how often the clock had been read.
//
// The processes are traced: without the vDSO, which their auxiliary vector does not name any more
// (getauxval(3), AT_SYSINFO_EHDR), the C library asks the kernel, and the answer is changed
// (ptrace(2)). Programs do not become setuid by that.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "registers are those of x86-64"
#endif

#define MOST_JUMPS 8
static struct { long seconds, reads; } jumps[MOST_JUMPS];
static int jump_count;
static long reads;

static void die(const char* what) {
    perror(what);
    exit(125);
}

static void parse_jumps(char* text) {
    for (char* one = strtok(text, ","); one != NULL; one = strtok(NULL, ",")) {
        if (jump_count == MOST_JUMPS ||
            sscanf(one, "%ld@%ld", &jumps[jump_count].seconds, &jumps[jump_count].reads) != 2) {
            fprintf(stderr, "jumping_clock: not SECONDS@READS: %s\n", one);
            exit(125);
        }
        jump_count++;
    }
}

static long offset(void) {
    long seconds = 0;
    for (int i = 0; i < jump_count; i++) {
        if (reads >= jumps[i].reads) seconds = jumps[i].seconds;
    }
    return seconds;
}

// At the first instruction of a new program: argc, argv, 0, envp, 0, pairs up to AT_NULL.
static void hide_vdso(pid_t pid) {
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, pid, 0, &regs) != 0) return;
    unsigned long at = regs.rsp;
    at += 8 * (unsigned long)ptrace(PTRACE_PEEKDATA, pid, at, 0) + 16;
    while (errno = 0, ptrace(PTRACE_PEEKDATA, pid, at, 0) != 0 && errno == 0) at += 8;
    for (at += 8;; at += 16) {
        errno = 0;
        const long type = ptrace(PTRACE_PEEKDATA, pid, at, 0);
        if (errno != 0 || type == AT_NULL) return;
        if (type == AT_SYSINFO_EHDR) {
            ptrace(PTRACE_POKEDATA, pid, at, (void*)AT_IGNORE);
            return;
        }
    }
}

// It has just come back from a system call.
static void change_answer(pid_t pid) {
    struct user_regs_struct regs;
    if (ptrace(PTRACE_GETREGS, pid, 0, &regs) != 0) return;
    const long number = (long)regs.orig_rax, result = (long)regs.rax;
    if (number == SYS_time && result > 0) {
        reads++;
        regs.rax += (unsigned long)offset();
        ptrace(PTRACE_SETREGS, pid, 0, &regs);
        return;
    }
    const int is_wall = regs.rdi == CLOCK_REALTIME || regs.rdi == CLOCK_REALTIME_COARSE;
    unsigned long place = 0;  // of the seconds
    if (number == SYS_clock_gettime && is_wall) place = regs.rsi;
    if (number == SYS_gettimeofday) place = regs.rdi;
    if (place == 0 || result != 0) return;
    reads++;
    const long seconds = ptrace(PTRACE_PEEKDATA, pid, place, 0);
    ptrace(PTRACE_POKEDATA, pid, place, (void*)(seconds + offset()));
}

static void on_stop(pid_t pid, int status) {
    const int signal = WSTOPSIG(status), event = status >> 16;
    long deliver = 0;
    if (signal == (SIGTRAP | 0x80)) {
        struct __ptrace_syscall_info info;
        if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) > 0 &&
            info.op == PTRACE_SYSCALL_INFO_EXIT) {
            change_answer(pid);
        }
    } else if (event == PTRACE_EVENT_EXEC) {
        hide_vdso(pid);
    } else if (event == PTRACE_EVENT_STOP) {
        // A new one, or a stop for all: SIGSTOP and the like keep it stopped.
        if (signal != SIGTRAP) {
            ptrace(PTRACE_LISTEN, pid, 0, 0);
            return;
        }
    } else if (event == 0) {
        deliver = signal;
    }
    ptrace(PTRACE_SYSCALL, pid, 0, deliver);
}

static void tell_reads(void) {
    const char* path = getenv("JUMPING_CLOCK_READS");
    FILE* file = path != NULL ? fopen(path, "w") : NULL;
    if (file == NULL) return;
    fprintf(file, "%ld\n", reads);
    fclose(file);
}

// Until none is left. `report` hears of the end of `first`.
static void trace(pid_t first, int report) {
    int status;
    for (;;) {
        const pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == EINTR) continue;
        if (pid < 0) return;
        if (WIFSTOPPED(status)) {
            on_stop(pid, status);
        } else if (pid == first) {
            tell_reads();
            if (write(report, &status, sizeof status) < 0) return;
            close(report);
        }
    }
}

int main(int argc, char** argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: jumping_clock SECONDS@READS[,…] PROGRAM [ARGUMENT…]\n");
        return 125;
    }
    parse_jumps(argv[1]);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) die("pipe");
    if (fork() == 0) {  // the tracer, which nobody waits for
        close(ends[0]);
        int go[2];
        if (pipe2(go, O_CLOEXEC) != 0) die("pipe");
        const pid_t first = fork();
        if (first == 0) {
            char byte;
            if (read(go[0], &byte, 1) != 1) _exit(125);
            execvp(argv[2], argv + 2);
            die(argv[2]);
        }
        const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                             PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
        if (first < 0 || ptrace(PTRACE_SEIZE, first, 0, options) != 0) die("trace");
        const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = 0; fd < 3; fd++) dup2(null, fd);
        setsid();
        // Syscall stops are asked for by PTRACE_SYSCALL, from its next stop on.
        ptrace(PTRACE_INTERRUPT, first, 0, 0);
        if (write(go[1], "", 1) != 1) die("start");
        close(go[0]);
        close(go[1]);
        trace(first, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    int status = 0;
    if (read(ends[0], &status, sizeof status) != sizeof status) return 125;
    if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    return WEXITSTATUS(status);
}
