// Theory. The bytes of a layer are the attacker's. All parsing of them happens in a process that
//   1. is in namespaces of its own (user, mount, network, ipc): its root user is nobody outside;
//   2. has the layer's empty directory as its root, so that no path leads anywhere else;
//   3. holds the blob (read only), the pipe for its report and the owners file, nothing else;
//   4. has the six capabilities for making files, within its user namespace;
//   5. may make the system calls for files, memory, threads, and no other: no socket, no exec, no
//      mount, no ptrace, no signal to anybody but itself.
// What a bug in a codec or in the tar reader gives away is then this one layer's directory, and the
// diff id that the child reports of it. Not the blob's digest: the parent knows that itself.
#include "image/confine.hpp"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <array>
#include <cstddef>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/confine.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

int check(int rc, const char* tried) {
    if (rc < 0) throw SysError(-rc, tried);
    return rc;
}

// open_tree(2) and move_mount(2) came with Linux 5.2; before that: bind, and enter by name.
void bind_current_directory_classic() {
    std::array<char, 4097> path{};
    const long size = raw::readlinkat(AT_FDCWD, "/proc/self/cwd", path.data(), path.size() - 1);
    check(static_cast<int>(size), "find the layer's directory");
    check(raw::mount(".", ".", nullptr, MS_BIND, nullptr), "bind the layer's directory");
    check(raw::chdir(path.data()), "enter the layer's directory");
}

void bind_current_directory() {
    const int rc = raw::open_tree(AT_FDCWD, ".", 1u /* OPEN_TREE_CLONE */ | O_CLOEXEC);
    if (rc == -ENOSYS) return bind_current_directory_classic();
    const UniqueFd tree(check(rc, "bind the layer's directory"));
    // MOVE_MOUNT_F_EMPTY_PATH
    check(raw::move_mount(tree.get(), "", AT_FDCWD, ".", 4u), "attach the layer's directory");
    check(raw::fchdir(tree.get()), "enter the layer's directory");
}

void limit(int resource, rlim_t value) {
    const rlimit limits{value, value};
    if (::setrlimit(static_cast<__rlimit_resource>(resource), &limits) != 0)
        throw SysError(errno, "set a resource limit");
}

const std::vector<int>& allowed_calls() {
    static const std::vector<int> calls = [] {
        std::vector<int> list{
            // The busiest first.
            SYS_write, SYS_openat, SYS_close, SYS_utimensat, SYS_futex, SYS_pread64, SYS_fchown,
            SYS_fchmod, SYS_fchmodat, SYS_fchownat, SYS_newfstatat, SYS_fstat, SYS_statx,
            SYS_symlinkat, SYS_linkat, SYS_mkdirat, SYS_mknodat, SYS_unlinkat, SYS_readlinkat,
            SYS_pwrite64, SYS_ftruncate, SYS_fsetxattr, SYS_read, SYS_lseek, SYS_fstatfs,
            SYS_getdents64, SYS_fcntl, SYS_fgetxattr, SYS_flistxattr, SYS_fallocate, SYS_renameat2,
            SYS_sendfile, static_cast<int>(raw::kSysOpenat2),
            // Memory, threads, the end.
            SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk,
            SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_rt_sigreturn, SYS_set_robust_list, SYS_rseq,
            SYS_gettid, SYS_getpid, SYS_sched_yield, SYS_clock_gettime, SYS_clock_nanosleep,
            SYS_exit, SYS_exit_group, SYS_restart_syscall, SYS_getrandom};
#if defined(__x86_64__)
        list.push_back(SYS_stat);
        list.push_back(SYS_lstat);
        list.push_back(SYS_readlink);
#endif
        if (kSanitized) {
            for (const int call : {SYS_sigaltstack, SYS_prlimit64, SYS_prctl, SYS_sched_getaffinity,
                                   SYS_getuid, SYS_dup, SYS_tgkill, SYS_pipe2})
                list.push_back(call);
#if defined(__x86_64__)
            list.push_back(SYS_pipe);
#endif
        }
        return list;
    }();
    return calls;
}

// A thread, never a process. clone3 hides its flags in memory; on ENOSYS libc uses clone.
std::array<sock_filter, 6> clone_rules() {
    using kernel::filter_jump;
    using kernel::filter_statement;
    constexpr unsigned kEquals = BPF_JMP | BPF_JEQ | BPF_K;
    constexpr unsigned kReturn = BPF_RET | BPF_K;
    return {filter_jump(kEquals, static_cast<std::uint32_t>(raw::kSysClone3), 0, 1),
            filter_statement(kReturn, SECCOMP_RET_ERRNO | ENOSYS),
            filter_jump(kEquals, SYS_clone, 0, 3),
            filter_statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
            filter_jump(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
            filter_statement(kReturn, SECCOMP_RET_ALLOW)};
}

}  // namespace

void enter_by_name(int dir_fd) {
    const std::string link = "/proc/self/fd/" + std::to_string(dir_fd);
    std::array<char, 4097> path{};
    const long size = raw::readlinkat(AT_FDCWD, link.c_str(), path.data(), path.size() - 1);
    check(static_cast<int>(size), "find the layer's directory");
    check(raw::chdir(path.data()), "enter the layer's directory");
}

void pivot_into_current_directory() {
    check(raw::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr),
          "make the mounts private");
    bind_current_directory();
    check(raw::pivot_root(".", "."), "change the root to the layer's directory");
    // pivot_root(2): the old root is stacked on ".", so "." is what must go.
    check(raw::umount2(".", MNT_DETACH), "leave the old root");
    check(raw::chdir("/"), "enter the layer's directory");
}

void become_mapped_root(const kernel::IdMap& ids) {
    // user_namespaces(7): refused where setgroups is denied, which is as good.
    (void)raw::setgroups(0, nullptr);
    if (ids.contains_gid({0})) check(raw::setresgid(0, 0, 0), "become the namespace's root group");
    if (ids.contains_uid({0})) check(raw::setresuid(0, 0, 0), "become the namespace's root");
}

ConfinedFds keep_only(const ConfinedFds& fds) {
    // Out of the way of the places that they shall have.
    constexpr int kFirst = 3;
    std::array<int, 3> high{fds.blob, fds.report, fds.owners};
    for (int& fd : high)
        if (fd >= 0) fd = check(raw::fcntl(fd, F_DUPFD_CLOEXEC, 100), "hold a descriptor");
    for (int i = 0; i < 3; ++i)
        if (high[static_cast<size_t>(i)] >= 0)
            check(raw::dup3(high[static_cast<size_t>(i)], kFirst + i, O_CLOEXEC),
                  "hold a descriptor");
    const int rest = kFirst + 3;
    if (raw::close_range(static_cast<unsigned>(rest), ~0u, 0) == -ENOSYS)
        for (int fd = rest; fd < 65536; ++fd) (void)raw::close(fd);
    if (fds.owners < 0) (void)raw::close(kFirst + 2);
    if (!kSanitized) {
        // Nothing that the child's libraries print may reach a terminal or a file.
        const UniqueFd nowhere(
            check(raw::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC), "open the root"));
        for (int fd = 0; fd < 3; ++fd)
            check(raw::dup3(nowhere.get(), fd, O_CLOEXEC), "close the standard streams");
    }
    return {kFirst, kFirst + 1, fds.owners < 0 ? -1 : kFirst + 2};
}

void drop_privileges() {
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, 128);
    // The largest zstd window or xz dictionary, the ring, long lists of directories.
    if (!kSanitized) limit(RLIMIT_DATA, 1u << 30);
    constexpr std::array<int, 6> kKept{CAP_CHOWN,  CAP_DAC_OVERRIDE, CAP_FOWNER,
                                       CAP_FSETID, CAP_MKNOD,        CAP_SETFCAP};
    std::uint64_t mask = 0;
    for (const int capability : kKept) mask |= 1ull << capability;
    load_file_filter(mask);
}

void load_file_filter(std::uint64_t capabilities) {
    kernel::keep_capabilities(capabilities);
    check(raw::prctl(PR_SET_DUMPABLE, 0), "turn dumps off");
    kernel::load_call_filter(allowed_calls(), clone_rules());
}

}  // namespace sandbox::image
