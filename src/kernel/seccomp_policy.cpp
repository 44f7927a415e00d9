// The default policy as tables: an allow list of what ordinary programs need. What the kernel has
// but the list has not answers EPERM, as people are used to from other container tools; what is
// newer than these tables answers ENOSYS, so that libc falls back to the older call.
#include "seccomp_policy.hpp"

#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "sandbox/base/strings.hpp"

namespace sandbox::kernel {
namespace {

// Grouped by what they are about; one line of the manual is section 2 unless said otherwise.
constexpr std::string_view kFiles =
    "access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 "
    "faccessat faccessat2 fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 "
    "fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr "
    "fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 "
    "futimesat getcwd getdents getdents64 getxattr getxattrat inotify_add_watch inotify_init "
    "inotify_init1 inotify_rm_watch lchown lchown32 lgetxattr link linkat listxattr "
    "listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat "
    "mknod mknodat name_to_handle_at newfstatat _newselect oldfstat oldlstat oldstat open "
    "openat openat2 pipe pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read "
    "readahead readdir readlink readlinkat readv removexattr removexattrat rename renameat "
    "renameat2 rmdir sendfile sendfile64 setxattr setxattrat splice stat stat64 statfs "
    "statfs64 statx symlink symlinkat sync sync_file_range sync_file_range2 "
    "arm_sync_file_range arm_fadvise64_64 syncfs tee truncate truncate64 ugetrlimit umask "
    "unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write writev cachestat "
    "file_getattr file_setattr";

constexpr std::string_view kWaiting =
    "epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
    "epoll_wait_old eventfd eventfd2 io_cancel io_destroy io_getevents io_pgetevents "
    "io_pgetevents_time64 io_setup io_submit ioctl poll ppoll ppoll_time64 pselect6 "
    "pselect6_time64 select signalfd signalfd4 timerfd_create timerfd_gettime "
    "timerfd_gettime64 timerfd_settime timerfd_settime64";

constexpr std::string_view kMemory =
    "brk cacheflush madvise map_shadow_stack membarrier memfd_create memfd_secret mincore "
    "mlock mlock2 mlockall mmap mmap2 mprotect mremap mseal msync munlock munlockall munmap "
    "pkey_alloc pkey_free pkey_mprotect process_mrelease remap_file_pages";

constexpr std::string_view kProcesses =
    "arch_prctl arm_set_tls breakpoint set_tls capget capset execve execveat exit exit_group "
    "fork futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list "
    "get_thread_area getcpu getpgid getpgrp getpid getppid getpriority getrlimit getrusage "
    "getsid gettid ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset "
    "landlock_restrict_self modify_ldt nice pidfd_open pidfd_send_signal prctl prlimit64 "
    "process_vm_readv process_vm_writev ptrace restart_syscall rseq sched_get_priority_max "
    "sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler "
    "sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr "
    "sched_setparam sched_setscheduler sched_yield seccomp set_robust_list set_thread_area "
    "set_tid_address setpgid setpriority setrlimit setsid sysinfo tgkill times tkill uname "
    "vfork wait4 waitid waitpid uretprobe riscv_flush_icache riscv_hwprobe";

constexpr std::string_view kSignals =
    "alarm getitimer pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo "
    "rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo "
    "setitimer sigaction sigaltstack signal sigpending sigprocmask sigreturn sigsuspend";

constexpr std::string_view kIdentity =
    "getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid "
    "getresgid32 getresuid getresuid32 getuid getuid32 setfsgid setfsgid32 setfsuid "
    "setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid "
    "setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32";

constexpr std::string_view kTime =
    "adjtimex clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime "
    "clock_gettime64 clock_nanosleep clock_nanosleep_time64 getrandom gettimeofday nanosleep "
    "time timer_create timer_delete timer_getoverrun timer_gettime timer_gettime64 "
    "timer_settime timer_settime64";

constexpr std::string_view kMessages =
    "accept accept4 bind connect getpeername getsockname getsockopt ipc listen mq_getsetattr "
    "mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend "
    "mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd recv recvfrom recvmmsg "
    "recvmmsg_time64 recvmsg semctl semget semop semtimedop semtimedop_time64 send sendmmsg "
    "sendmsg sendto setsockopt shmat shmctl shmdt shmget shutdown socket socketcall "
    "socketpair";

constexpr std::string_view kAllowed[] = {kFiles,   kWaiting,  kMemory, kProcesses,
                                         kSignals, kIdentity, kTime,   kMessages};

// What the kernel has and programs may not do: EPERM unless a capability opens it.
constexpr std::string_view kDenied =
    "_sysctl acct add_key afs_syscall bdflush bpf chroot clock_settime clock_settime64 "
    "create_module delete_module fanotify_init fanotify_mark finit_module fsconfig fsmount "
    "fsopen fspick get_kernel_syms get_mempolicy getpmsg init_module io_uring_enter "
    "io_uring_register io_uring_setup ioperm iopl kcmp kexec_file_load kexec_load keyctl "
    "listmount lookup_dcookie lsm_get_self_attr lsm_list_modules lsm_set_self_attr mbind "
    "migrate_pages mount mount_setattr move_mount move_pages nfsservctl open_by_handle_at "
    "open_tree perf_event_open pidfd_getfd pivot_root process_madvise putpmsg query_module "
    "quotactl quotactl_fd reboot request_key security set_mempolicy set_mempolicy_home_node "
    "setdomainname sethostname setns settimeofday statmount stime swapoff swapon sysfs syslog "
    "tuxcall umount umount2 unshare uselib userfaultfd ustat vhangup vm86 vm86old vserver";

// What one id alone cannot do, and is told that it did.
constexpr std::string_view kAnswered =
    "chown chown32 fchown fchown32 fchownat lchown lchown32 setfsgid setfsgid32 setfsuid "
    "setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid "
    "setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32";

struct Opening {
    int capability;
    std::string_view names;
};

constexpr Opening kOpenings[] = {
    {CAP_DAC_READ_SEARCH, "open_by_handle_at"},
    {CAP_SYS_ADMIN,
     "bpf fanotify_init fanotify_mark fsconfig fsmount fsopen fspick listmount "
     "lookup_dcookie mount mount_setattr move_mount open_tree perf_event_open "
     "pivot_root quotactl quotactl_fd setdomainname sethostname setns statmount syslog "
     "umount umount2 unshare"},
    {CAP_SYS_BOOT, "reboot"},
    {CAP_SYS_CHROOT, "chroot"},
    {CAP_SYS_MODULE, "delete_module finit_module init_module"},
    {CAP_SYS_PACCT, "acct"},
    {CAP_SYS_PTRACE, "kcmp pidfd_getfd process_madvise"},
    {CAP_SYS_RAWIO, "ioperm iopl"},
    {CAP_SYS_TIME, "clock_settime clock_settime64 settimeofday stime"},
    {CAP_SYS_TTY_CONFIG, "vhangup"},
    {CAP_SYS_NICE,
     "get_mempolicy mbind migrate_pages move_pages set_mempolicy "
     "set_mempolicy_home_node"},
    {CAP_SYSLOG, "syslog"},
    {CAP_BPF, "bpf"},
    {CAP_PERFMON, "perf_event_open"},
};

bool has(CapabilitySet set, int capability) {
    return (set & (CapabilitySet{1} << capability)) != 0;
}

constexpr SeccompAction kAllow{SeccompAction::Kind::allow, 0};
constexpr SeccompAction kForbid{SeccompAction::Kind::error, EPERM};
constexpr SeccompAction kMissing{SeccompAction::Kind::error, ENOSYS};
constexpr SeccompAction kPretend{SeccompAction::Kind::error, 0};

ArgumentCheck under_mask(unsigned index, std::uint64_t mask, std::uint64_t value) {
    return {index, ArgumentCheck::Op::masked_equal, mask, value};
}

// Threads and forks, but no namespaces. Flags only, so a masked comparison sees all of them.
void add_clone(SeccompPolicy& policy, CapabilitySet capabilities) {
    if (has(capabilities, CAP_SYS_ADMIN)) {
        policy.rules.push_back({"clone", kAllow, {}});
        policy.rules.push_back({"clone3", kAllow, {}});
        return;
    }
    constexpr std::uint64_t kFlags[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                        CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};
    std::uint64_t all = 0;
    for (const std::uint64_t flag : kFlags) all |= flag;
    policy.rules.push_back({"clone", kAllow, {under_mask(0, all, 0)}});
    for (const std::uint64_t flag : kFlags) {
        policy.rules.push_back({"clone", kForbid, {under_mask(0, flag, flag)}});
    }
    // clone3 keeps its flags in memory, where no filter can look: ENOSYS makes libc use clone.
    // That is the fallback already.
}

// personality(2): the execution domains that real programs use, and the question "which one?".
void add_personality(SeccompPolicy& policy) {
    constexpr std::uint64_t kDomains[] = {0x0, 0x0008, 0x20000, 0x20008, 0xffffffff};
    for (const std::uint64_t domain : kDomains) {
        policy.rules.push_back({"personality", kAllow, {under_mask(0, 0xffffffff, domain)}});
    }
}

void add_device_answers(SeccompPolicy& policy, const char* name, unsigned mode_index) {
    for (const std::uint64_t type : {S_IFCHR, S_IFBLK}) {
        policy.rules.push_back({name, kPretend, {under_mask(mode_index, S_IFMT, type)}});
    }
    for (const std::uint64_t type : {std::uint64_t{0}, std::uint64_t{S_IFREG},
                                     std::uint64_t{S_IFIFO}, std::uint64_t{S_IFSOCK}}) {
        policy.rules.push_back({name, kAllow, {under_mask(mode_index, S_IFMT, type)}});
    }
}

}  // namespace

SeccompPolicy make_default_policy(const SeccompOptions& options) {
    SeccompPolicy policy;
    policy.fallback = kMissing;
    policy.guard_terminal = true;
    policy.guard_sockets = true;
    policy.guard_socketcall = !options.compat32;
    std::vector<std::string> opened;
    for (const Opening& opening : kOpenings) {
        if (!has(options.capabilities, opening.capability)) continue;
        for (std::string& name : base::split(opening.names, ' ')) opened.push_back(name);
    }
    std::sort(opened.begin(), opened.end());
    opened.erase(std::unique(opened.begin(), opened.end()), opened.end());
    for (const std::string_view names : kAllowed) {
        for (std::string& name : base::split(names, ' '))
            policy.rules.push_back({name, kAllow, {}});
    }
    for (const std::string& name : opened) policy.rules.push_back({name, kAllow, {}});
    for (const std::string& name : base::split(kDenied, ' ')) {
        if (!std::binary_search(opened.begin(), opened.end(), name)) {
            policy.rules.push_back({name, kForbid, {}});
        }
    }
    add_clone(policy, options.capabilities);
    add_personality(policy);
    if (options.fake_identity) add_identity_answers(policy);
    return policy;
}

void add_identity_answers(SeccompPolicy& policy) {
    // The kernel would refuse all of these for every id but the one that is mapped. Programs that
    // unpack archives or step down to a service's user go on as if it had worked.
    const std::vector<std::string> names = base::split(kAnswered, ' ');
    const auto is_answered = [&](const std::string& name) {
        return name == "mknod" || name == "mknodat" ||
               std::find(names.begin(), names.end(), name) != names.end();
    };
    std::erase_if(policy.rules, [&](const SyscallRule& rule) { return is_answered(rule.name); });
    for (const std::string& name : names) policy.rules.push_back({name, kPretend, {}});
    add_device_answers(policy, "mknod", 1);
    add_device_answers(policy, "mknodat", 2);
}

}  // namespace sandbox::kernel
