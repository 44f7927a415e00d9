#include "net/confine.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/confine.hpp"

namespace sandbox::net {
namespace {

namespace raw = base::raw;
using base::SysError;

void check(long rc, const char* tried) {
    if (rc < 0) throw SysError(static_cast<int>(-rc), tried);
}

// The same on every architecture (since Linux 5.1).
constexpr int kSysIoUringSetup = 425;
constexpr int kSysPidfdGetfd = 438;

// Memory, time, the end.
constexpr std::array kAlways {
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_clock_gettime,
        SYS_rt_sigreturn, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_exit, SYS_exit_group,
        SYS_restart_syscall, SYS_futex, SYS_getpid, SYS_gettid, SYS_getrandom, SYS_read, SYS_write,
        SYS_writev, SYS_close, SYS_sendmsg, SYS_recvmsg, SYS_setsockopt, SYS_ppoll,
#if defined(__SANITIZE_ADDRESS__)
        SYS_sigaltstack, SYS_tgkill, SYS_prctl, SYS_prlimit64, SYS_getuid, SYS_openat,
        SYS_readlinkat, SYS_sched_yield, SYS_sched_getaffinity
#endif
};
constexpr std::array kHelper {
    SYS_splice, SYS_epoll_pwait, SYS_epoll_ctl, SYS_accept4, SYS_connect, SYS_sendto, SYS_recvfrom,
        SYS_shutdown, SYS_getsockopt, SYS_getsockname, SYS_bind, SYS_pipe2, SYS_getpeername,
        SYS_ioctl, SYS_fcntl, SYS_recvmmsg, SYS_sendmmsg,
#if defined(__x86_64__)
        SYS_epoll_wait
#endif
};

std::vector<int> calls_of(bool helper) {
    std::vector<int> calls;
    if (helper) calls.assign(kHelper.begin(), kHelper.end());
    calls.insert(calls.end(), kAlways.begin(), kAlways.end());
    return calls;
}

// Internet sockets only: no unix socket, no netlink, no packet socket.
std::array<sock_filter, 5> socket_rules() {
    constexpr unsigned kEquals = BPF_JMP | BPF_JEQ | BPF_K;
    return {kernel::filter_jump(kEquals, SYS_socket, 0, 4),
            kernel::filter_statement(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args[0])),
            kernel::filter_jump(kEquals, AF_INET, 1, 0),
            kernel::filter_jump(kEquals, AF_INET6, 0, 1),
            kernel::filter_statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
}

void close_all(unsigned first, unsigned last) {
    const long rc = raw::close_range(first, last, 0);
    if (rc != -ENOSYS) return check(rc, "close descriptors");
    // Before Linux 5.9.
    const base::UniqueFd dir = base::open_at(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY);
    for (const std::string& name : base::list_dir(dir.get())) {
        const auto number = base::try_parse_u64(name);
        if (number && *number >= first && *number <= last) {
            (void)raw::close(static_cast<int>(*number));
        }
    }
}

void confine(bool helper, std::uint64_t capabilities) {
    check(raw::prctl(PR_SET_DUMPABLE, 0), "forbid dumps");
    kernel::keep_capabilities(capabilities);
    kernel::load_call_filter(calls_of(helper), socket_rules());
}

}  // namespace

void empty_root() {
    check(raw::call(SYS_unshare, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWIPC),
          "leave the namespaces of the host");
    check(raw::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr),
          "make the mounts private");
    // Any directory will do to mount over; /proc is there, since maps are written through it.
    check(raw::mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY,
                     "size=0,nr_inodes=1,mode=0555"),
          "make an empty root");
    check(raw::chdir("/proc"), "enter the empty root");
    check(raw::pivot_root(".", "."), "change to the empty root");
    // pivot_root(2): the old root is stacked on ".", so "." is what must go.
    check(raw::umount2(".", MNT_DETACH), "leave the old root");
    check(raw::chdir("/"), "enter the empty root");
}

void confine_helper() {
    confine(true, 0);
}

void confine_socket_maker() {
    confine(false, std::uint64_t{1} << CAP_NET_RAW);
}

void confine_holder() {
    // What nobody needs who makes links and helpers: other programs, other processes' memory, and
    // what kernels were broken by most.
    constexpr std::array kNever{SYS_execve,
                                SYS_execveat,
                                SYS_ptrace,
                                SYS_process_vm_readv,
                                SYS_process_vm_writev,
                                SYS_bpf,
                                SYS_perf_event_open,
                                SYS_userfaultfd,
                                SYS_keyctl,
                                SYS_add_key,
                                SYS_request_key,
                                SYS_open_by_handle_at,
                                SYS_kexec_load,
                                SYS_init_module,
                                SYS_finit_module,
                                SYS_swapon,
                                SYS_reboot,
                                kSysIoUringSetup,
                                kSysPidfdGetfd};
    constexpr unsigned kEquals = BPF_JMP | BPF_JEQ | BPF_K;
    std::vector<sock_filter> rules;
    for (const int call : kNever) {
        rules.push_back(kernel::filter_jump(kEquals, static_cast<std::uint32_t>(call), 0, 1));
        rules.push_back(kernel::filter_statement(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
    }
    rules.push_back(kernel::filter_statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    kernel::load_call_filter({}, rules);
}

void confine_keeper() {
    confine(false, 0);
}

void keep_descriptors(std::vector<int> kept) {
    const base::UniqueFd null(raw::openat(AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC));
    for (int fd = 0; fd < 3; ++fd) {
        if (null.get() > 2 && std::find(kept.begin(), kept.end(), fd) == kept.end()) {
            (void)raw::dup3(null.get(), fd, 0);  // a terminal stays then, which is no danger
        }
    }
    std::sort(kept.begin(), kept.end());
    unsigned next = 3;
    for (const int fd : kept) {
        if (fd < 3) continue;
        const auto number = static_cast<unsigned>(fd);
        if (number > next) close_all(next, number - 1);
        next = number + 1;
    }
    close_all(next, ~0u);
}

}  // namespace sandbox::net
