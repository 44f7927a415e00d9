// System calls without errno: every function answers the kernel's own value, -errno on failure.
// All of the house that code between clone and exec may use; no allocation, no locks, no libc
// state. Descriptors are borrowed ints; what returns a new one hands ownership to the caller.
#pragma once

#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

namespace sandbox::base::raw {

// Newer than the headers of the build machine; the numbers are the same on every architecture.
inline constexpr long kSysOpenTree = 428;
inline constexpr long kSysMoveMount = 429;
inline constexpr long kSysFsopen = 430;
inline constexpr long kSysFsconfig = 431;
inline constexpr long kSysFsmount = 432;
inline constexpr long kSysPidfdOpen = 434;
inline constexpr long kSysClone3 = 435;
inline constexpr long kSysCloseRange = 436;
inline constexpr long kSysOpenat2 = 437;
inline constexpr long kSysPidfdGetfd = 438;
inline constexpr long kSysMountSetattr = 442;
inline constexpr long kSysSetxattrat = 463;  // Linux 6.13
inline constexpr long kSysGetxattrat = 464;
inline constexpr long kSysPidfdSendSignal = 424;

#if defined(__x86_64__)
inline long call(long nr, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) noexcept {
    long rc;
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;
    asm volatile("syscall"
                 : "=a"(rc)
                 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                 : "rcx", "r11", "memory");
    return rc;
}
#elif defined(__aarch64__)
inline long call(long nr, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) noexcept {
    register long x8 asm("x8") = nr;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    register long x5 asm("x5") = f;
    asm volatile("svc #0"
                 : "+r"(x0)
                 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                 : "memory");
    return x0;
}
#else
inline long call(long nr, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) noexcept {
    const long rc = ::syscall(nr, a, b, c, d, e, f);
    return rc < 0 ? -errno : rc;
}
#endif

template <typename T>
inline long ptr(T* pointer) noexcept {
    return reinterpret_cast<long>(pointer);
}

inline int openat(int dir_fd, const char* path, int flags, mode_t mode = 0) noexcept {
    return static_cast<int>(call(SYS_openat, dir_fd, ptr(path), flags, static_cast<long>(mode)));
}
inline int openat2(int dir_fd, const char* path, const open_how& how) noexcept {
    return static_cast<int>(call(kSysOpenat2, dir_fd, ptr(path), ptr(&how), sizeof how));
}
inline int close(int fd) noexcept {
    return static_cast<int>(call(SYS_close, fd));
}
inline long read(int fd, void* data, size_t size) noexcept {
    return call(SYS_read, fd, ptr(data), static_cast<long>(size));
}
inline long write(int fd, const void* data, size_t size) noexcept {
    return call(SYS_write, fd, ptr(data), static_cast<long>(size));
}
inline long pread(int fd, void* data, size_t size, std::int64_t offset) noexcept {
    return call(SYS_pread64, fd, ptr(data), static_cast<long>(size), offset);
}
inline long pwrite(int fd, const void* data, size_t size, std::int64_t offset) noexcept {
    return call(SYS_pwrite64, fd, ptr(data), static_cast<long>(size), offset);
}
// Into a file that is opened with O_APPEND: to its end, whatever `offset` says (pwrite(2), BUGS).
inline long pwritev(int fd, const iovec* parts, size_t count, std::int64_t offset) noexcept {
    // The second half of the offset is of interest on 32-bit machines only.
    return call(SYS_pwritev, fd, ptr(parts), static_cast<long>(count), offset, 0);
}
inline int mkdirat(int dir_fd, const char* path, mode_t mode) noexcept {
    return static_cast<int>(call(SYS_mkdirat, dir_fd, ptr(path), static_cast<long>(mode)));
}
inline int mknodat(int dir_fd, const char* path, mode_t mode, dev_t dev) noexcept {
    return static_cast<int>(
        call(SYS_mknodat, dir_fd, ptr(path), static_cast<long>(mode), static_cast<long>(dev)));
}
inline int symlinkat(const char* target, int dir_fd, const char* path) noexcept {
    return static_cast<int>(call(SYS_symlinkat, ptr(target), dir_fd, ptr(path)));
}
inline int linkat(int from_dir_fd, const char* from, int to_dir_fd, const char* to,
                  int flags) noexcept {
    return static_cast<int>(call(SYS_linkat, from_dir_fd, ptr(from), to_dir_fd, ptr(to), flags));
}
inline int unlinkat(int dir_fd, const char* path, int flags = 0) noexcept {
    return static_cast<int>(call(SYS_unlinkat, dir_fd, ptr(path), flags));
}
inline int renameat2(int from_dir_fd, const char* from, int to_dir_fd, const char* to,
                     unsigned flags = 0) noexcept {
    return static_cast<int>(
        call(SYS_renameat2, from_dir_fd, ptr(from), to_dir_fd, ptr(to), static_cast<long>(flags)));
}
inline long readlinkat(int dir_fd, const char* path, char* buffer, size_t size) noexcept {
    return call(SYS_readlinkat, dir_fd, ptr(path), ptr(buffer), static_cast<long>(size));
}
inline int fchownat(int dir_fd, const char* path, uid_t uid, gid_t gid, int flags) noexcept {
    return static_cast<int>(call(SYS_fchownat, dir_fd, ptr(path), static_cast<long>(uid),
                                 static_cast<long>(gid), flags));
}
inline int fchown(int fd, uid_t uid, gid_t gid) noexcept {
    return static_cast<int>(call(SYS_fchown, fd, static_cast<long>(uid), static_cast<long>(gid)));
}
inline int fchmod(int fd, mode_t mode) noexcept {
    return static_cast<int>(call(SYS_fchmod, fd, static_cast<long>(mode)));
}
inline int fchmodat(int dir_fd, const char* path, mode_t mode) noexcept {
    return static_cast<int>(call(SYS_fchmodat, dir_fd, ptr(path), static_cast<long>(mode)));
}
inline int utimensat(int dir_fd, const char* path, const timespec times[2], int flags) noexcept {
    return static_cast<int>(call(SYS_utimensat, dir_fd, ptr(path), ptr(times), flags));
}
inline int fsetxattr(int fd, const char* name, const void* value, size_t size, int flags) noexcept {
    return static_cast<int>(
        call(SYS_fsetxattr, fd, ptr(name), ptr(value), static_cast<long>(size), flags));
}
inline long lgetxattr(const char* path, const char* name, void* value, size_t size) noexcept {
    return call(SYS_lgetxattr, ptr(path), ptr(name), ptr(value), static_cast<long>(size));
}
inline int fchdir(int fd) noexcept {
    return static_cast<int>(call(SYS_fchdir, fd));
}
inline int chdir(const char* path) noexcept {
    return static_cast<int>(call(SYS_chdir, ptr(path)));
}
inline int dup3(int old_fd, int new_fd, int flags) noexcept {
    return static_cast<int>(call(SYS_dup3, old_fd, new_fd, flags));
}
inline int fcntl(int fd, int command, long argument = 0) noexcept {
    return static_cast<int>(call(SYS_fcntl, fd, command, argument));
}
inline int ioctl(int fd, unsigned long request, long argument) noexcept {
    return static_cast<int>(call(SYS_ioctl, fd, static_cast<long>(request), argument));
}
inline int pivot_root(const char* new_root, const char* put_old) noexcept {
    return static_cast<int>(call(SYS_pivot_root, ptr(new_root), ptr(put_old)));
}
inline int mount(const char* source, const char* target, const char* type, unsigned long flags,
                 const void* data) noexcept {
    return static_cast<int>(
        call(SYS_mount, ptr(source), ptr(target), ptr(type), static_cast<long>(flags), ptr(data)));
}
inline int umount2(const char* target, int flags) noexcept {
    return static_cast<int>(call(SYS_umount2, ptr(target), flags));
}
inline int open_tree(int dir_fd, const char* path, unsigned flags) noexcept {
    return static_cast<int>(call(kSysOpenTree, dir_fd, ptr(path), static_cast<long>(flags)));
}
inline int move_mount(int from_fd, const char* from, int to_fd, const char* to,
                      unsigned flags) noexcept {
    return static_cast<int>(
        call(kSysMoveMount, from_fd, ptr(from), to_fd, ptr(to), static_cast<long>(flags)));
}
inline int fsopen(const char* type, unsigned flags) noexcept {
    return static_cast<int>(call(kSysFsopen, ptr(type), static_cast<long>(flags)));
}
inline int fsconfig(int fs_fd, unsigned command, const char* key, const void* value,
                    int aux) noexcept {
    return static_cast<int>(
        call(kSysFsconfig, fs_fd, static_cast<long>(command), ptr(key), ptr(value), aux));
}
inline int fsmount(int fs_fd, unsigned flags, unsigned attributes) noexcept {
    return static_cast<int>(
        call(kSysFsmount, fs_fd, static_cast<long>(flags), static_cast<long>(attributes)));
}
// `attr` points to a struct mount_attr of `size` bytes (linux/mount.h).
inline int mount_setattr(int dir_fd, const char* path, unsigned flags, const void* attr,
                         size_t size) noexcept {
    return static_cast<int>(call(kSysMountSetattr, dir_fd, ptr(path), static_cast<long>(flags),
                                 ptr(attr), static_cast<long>(size)));
}
inline int prctl(int option, unsigned long a = 0, unsigned long b = 0, unsigned long c = 0,
                 unsigned long d = 0) noexcept {
    return static_cast<int>(call(SYS_prctl, option, static_cast<long>(a), static_cast<long>(b),
                                 static_cast<long>(c), static_cast<long>(d)));
}
inline int close_range(unsigned first, unsigned last, unsigned flags) noexcept {
    return static_cast<int>(call(kSysCloseRange, static_cast<long>(first), static_cast<long>(last),
                                 static_cast<long>(flags)));
}
inline int pidfd_open(pid_t pid, unsigned flags) noexcept {
    return static_cast<int>(call(kSysPidfdOpen, pid, static_cast<long>(flags)));
}
inline int pidfd_send_signal(int pid_fd, int signal, siginfo_t* info, unsigned flags) noexcept {
    return static_cast<int>(
        call(kSysPidfdSendSignal, pid_fd, signal, ptr(info), static_cast<long>(flags)));
}
inline int setresuid(uid_t r, uid_t e, uid_t s) noexcept {
    return static_cast<int>(
        call(SYS_setresuid, static_cast<long>(r), static_cast<long>(e), static_cast<long>(s)));
}
inline int setresgid(gid_t r, gid_t e, gid_t s) noexcept {
    return static_cast<int>(
        call(SYS_setresgid, static_cast<long>(r), static_cast<long>(e), static_cast<long>(s)));
}
inline int setgroups(size_t count, const gid_t* groups) noexcept {
    return static_cast<int>(call(SYS_setgroups, static_cast<long>(count), ptr(groups)));
}
inline int setsid() noexcept {
    return static_cast<int>(call(SYS_setsid));
}
inline pid_t getpid() noexcept {
    return static_cast<pid_t>(call(SYS_getpid));
}
inline pid_t getppid() noexcept {
    return static_cast<pid_t>(call(SYS_getppid));
}
inline int kill(pid_t pid, int signal) noexcept {
    return static_cast<int>(call(SYS_kill, pid, signal));
}
[[noreturn]] inline void exit_group(int code) noexcept {
    for (;;) (void)call(SYS_exit_group, code);
}

}  // namespace sandbox::base::raw
