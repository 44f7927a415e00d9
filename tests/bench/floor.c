// The floor under every launch: what any program must do, in bare C, to run a command in a
// container of its own as an ordinary user, and nothing more. clone3 with all namespaces, id maps
// (through newuidmap and newgidmap, at the same time, when there is a range), overlay, proc, sysfs,
// a /dev, pivot_root, exec; then it waits. No checks of what an image contains, no masks, no
// seccomp, no init, no records. Upper and work directories are made for each run and removed after
// it.
//
//   floor range|single DIR COMMAND…    DIR has lower/ and merged/
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "map_ids.h"

static void make_dev(void) {
    static const char* const names[] = {"null", "zero", "full", "random", "urandom", "tty"};
    need(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=755") == 0, "dev");
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        char from[32], to[32];
        snprintf(from, sizeof from, "/dev/%s", names[i]);
        snprintf(to, sizeof to, "dev/%s", names[i]);
        close(open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
        need(mount(from, to, NULL, MS_BIND, NULL) == 0, to);
    }
    mkdir("dev/pts", 0755);
    mkdir("dev/shm", 0755);
    mkdir("dev/mqueue", 0755);
    need(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
               "newinstance,ptmxmode=0666,mode=0620") == 0,
         "devpts");
    need(mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64m") == 0,
         "shm");
    need(mount("mqueue", "dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == 0,
         "mqueue");
}

static void contain(char** command) {
    const unsigned long quiet = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    need(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0, "ids");
    need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
    need(mount("overlay", "merged", "overlay", MS_NODEV,
               "lowerdir=lower,upperdir=upper,workdir=work,userxattr,volatile") == 0,
         "overlay");
    need(chdir("merged") == 0, "merged");
    mkdir("proc", 0555);
    mkdir("sys", 0555);
    mkdir("dev", 0755);
    need(mount("proc", "proc", "proc", quiet, NULL) == 0, "proc");
    need(mount("sysfs", "sys", "sysfs", quiet | MS_RDONLY, NULL) == 0, "sys");
    make_dev();
    need(sethostname("floor", 5) == 0, "hostname");
    need(syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0, "pivot");
    need(chdir("/") == 0, "chdir");
    execv(command[0], command);
    need(0, command[0]);
}

static void make_directories(const char* dir) {
    need(chdir(dir) == 0 && mkdir("upper", 0755) == 0 && mkdir("work", 0700) == 0, dir);
}

static void remove_directories(void) {
    rmdir("upper/proc");
    rmdir("upper/sys");
    rmdir("upper/dev");
    need(rmdir("upper") == 0, "upper");
    // overlay's own, of mode 0000.
    chmod("work/work", 0700);
    chmod("work/work/incompat", 0700);
    chmod("work/work/incompat/volatile", 0700);
    unlink("work/work/incompat/volatile/dirty");
    rmdir("work/work/incompat/volatile");
    rmdir("work/work/incompat");
    rmdir("work/work");
    need(rmdir("work") == 0, "work");
}

int main(int argc, char** argv) {
    int gate[2], status;
    char byte;
    if (argc < 4) return 2;
    int range = strcmp(argv[1], "range") == 0;
    make_directories(argv[2]);
    need(pipe2(gate, O_CLOEXEC) == 0, "pipe");
    struct clone_args arguments = {
        .flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
                 CLONE_NEWNET | CLONE_NEWCGROUP,
        .exit_signal = SIGCHLD,
    };
    pid_t child = (pid_t)syscall(SYS_clone3, &arguments, sizeof arguments);
    need(child >= 0, "clone3");
    if (child == 0) {
        close(gate[1]);
        if (read(gate[0], &byte, 1) != 1) _exit(125);
        contain(argv + 3);
    }
    write_maps(child, range);
    need(write(gate[1], "g", 1) == 1, "gate");
    need(waitpid(child, &status, 0) == child, "wait");
    remove_directories();
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
