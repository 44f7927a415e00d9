// The last program before the payload, and all it does is the payload's execve. It exists so that
// at the moment when the kernel reads the image's file (which may say "#!/proc/self/exe") our own
// process is this sealed in-memory file and not the host's sandbox binary.
//
// No libc: about a page of machine code. argv: the handshake descriptor's number, the paths to try,
// an empty string, then the payload's argv. On failure it sends one struct Message of
// src/engine/child/messages.hpp (same layout, same numbers) and ends with 126 or 127.

#if defined(__x86_64__)
enum { kWrite = 1, kFcntl = 72, kExecve = 59, kExit = 231 };
static long call(long nr, long a, long b, long c) {
    long rc;
    __asm__ volatile("syscall"
                     : "=a"(rc)
                     : "a"(nr), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return rc;
}
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call stage_main\n");
#elif defined(__aarch64__)
enum { kWrite = 64, kFcntl = 25, kExecve = 221, kExit = 94 };
static long call(long nr, long a, long b, long c) {
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x0, sp\n"
    "  b stage_main\n");
#else
#error "the stage needs its few lines of assembler for this architecture"
#endif

enum { kSetFd = 2, kCloseOnExec = 1 };
enum { kNoEntry = 2, kAccess = 13, kNotDirectory = 20 };
enum { kFailure = 4, kStepExecute = 56, kNotExecutable = 126, kNotFound = 127 };

struct message {
    int kind, step, error, index;
};

__attribute__((noreturn)) static void end(int code) {
    for (;;) call(kExit, code, 0, 0);
}

__attribute__((noreturn, used)) void stage_main(long* stack) {
    long argc = stack[0];
    char** argv = (char**)(stack + 1);
    char** env = argv + argc + 1;
    long i = 1;
    int fd = 0, error = kNoEntry;
    // Called by anybody else (a script whose interpreter is /proc/self/exe): nothing to do.
    if (argc < 4) end(kNotExecutable);
    for (const char* digit = argv[0]; *digit != 0; ++digit) {
        if (*digit < '0' || *digit > '9') end(kNotExecutable);
        fd = fd * 10 + (*digit - '0');
    }
    if (call(kFcntl, fd, kSetFd, kCloseOnExec) < 0) end(kNotExecutable);
    while (i < argc && argv[i][0] != 0) ++i;
    if (i + 1 >= argc) end(kNotExecutable);
    for (long path = 1; path < i; ++path) {
        long rc = call(kExecve, (long)argv[path], (long)(argv + i + 1), (long)env);
        if (rc == -kNoEntry || rc == -kNotDirectory) continue;
        error = (int)-rc;
        // A file that may not be executed does not end the search: execvp(3).
        if (rc != -kAccess) break;
    }
    struct message failure = {kFailure, kStepExecute, error, 0};
    call(kWrite, fd, (long)&failure, sizeof failure);
    end(error == kNoEntry ? kNotFound : kNotExecutable);
}
