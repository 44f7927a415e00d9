#include "sandbox/kernel/process.hpp"

#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cerrno>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/probe.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

// linux/sched.h of the build machine may be older than the fields we pass. clone(2).
struct CloneArguments {
    std::uint64_t flags = 0, pidfd = 0, child_tid = 0, parent_tid = 0, exit_signal = 0, stack = 0,
                  stack_size = 0, tls = 0;
    // Later additions, passed only when they are needed.
    std::uint64_t set_tid = 0, set_tid_size = 0, cgroup = 0;
};
constexpr std::size_t kFirstSize = 64;
constexpr std::uint64_t kIntoCgroup = 0x200000000;  // CLONE_INTO_CGROUP, clone(2)

// libc remembers the thread id in its own memory and told the kernel where (set_tid_address(2)). A
// fork by raw system call leaves a stale one behind, which breaks raise() and error-checking locks;
// with CLONE_CHILD_SETTID to that same place the child's copy is right, as after libc's own fork.
std::uint64_t libc_tid_address() noexcept {
    int* address = nullptr;
    if (raw::prctl(PR_GET_TID_ADDRESS, static_cast<unsigned long>(raw::ptr(&address))) < 0) {
        return 0;
    }
    return static_cast<std::uint64_t>(raw::ptr(address));
}

long clone_classic(const CloneArguments& arguments) noexcept {
    const long flags = static_cast<long>(arguments.flags | arguments.exit_signal);
    const long pidfd = static_cast<long>(arguments.pidfd);
    const long child_tid = static_cast<long>(arguments.child_tid);
    // clone(2): CLONE_PIDFD hands the descriptor back through parent_tid. The order of the last two
    // arguments differs between architectures.
#if defined(__aarch64__)
    return raw::call(SYS_clone, flags, 0, pidfd, 0, child_tid);
#else
    return raw::call(SYS_clone, flags, 0, pidfd, child_tid, 0);
#endif
}

ExitStatus status_from(int status) noexcept {
    ExitStatus result;
    if (WIFSIGNALED(status)) {
        result.signal = WTERMSIG(status);
    } else {
        result.code = WEXITSTATUS(status);
    }
    return result;
}

// Answers the pid, 0 (WNOHANG, still running) or -errno.
long wait_for(pid_t pid, int* status, int options) noexcept {
    long rc = 0;
    do {
        rc = raw::call(SYS_wait4, pid, raw::ptr(status), options | __WALL, 0);
    } while (rc == -EINTR);
    return rc;
}

}  // namespace

ChildProcess ChildProcess::clone(std::uint64_t namespace_flags) {
    return std::move(*try_clone(namespace_flags, -1));
}

std::optional<ChildProcess> ChildProcess::try_clone_into(std::uint64_t namespace_flags,
                                                         int cgroup_fd) {
    return try_clone(namespace_flags, cgroup_fd);
}

std::optional<ChildProcess> ChildProcess::try_clone(std::uint64_t namespace_flags, int cgroup_fd) {
    int pid_fd = -1;
    CloneArguments arguments;
    arguments.flags = namespace_flags | CLONE_PIDFD;
    arguments.pidfd = static_cast<std::uint64_t>(raw::ptr(&pid_fd));
    arguments.exit_signal = SIGCHLD;
    arguments.child_tid = libc_tid_address();
    if (arguments.child_tid != 0) arguments.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;

    std::size_t size = kFirstSize;
    if (cgroup_fd >= 0) {
        arguments.flags |= kIntoCgroup;
        arguments.cgroup = static_cast<std::uint64_t>(cgroup_fd);
        size = sizeof arguments;
    }
    long rc = raw::call(raw::kSysClone3, raw::ptr(&arguments), static_cast<long>(size));
    if (cgroup_fd >= 0 && (rc == -ENOSYS || rc == -EPERM || rc == -EINVAL || rc == -E2BIG)) {
        return std::nullopt;
    }
    // EPERM: filters of outer containers answer so for calls they do not know. Where the kernel
    // itself refused, clone(2) says the same once more.
    if (rc == -ENOSYS || rc == -EPERM) rc = clone_classic(arguments);
    if (rc < 0) {
        const int errnum = static_cast<int>(-rc);
        throw base::SysError(
            errnum, namespace_flags != 0 ? "create namespaces" : "create a process", {},
            namespace_flags != 0 ? explain_namespace_failure(errnum) : std::string());
    }
    ChildProcess child;
    if (rc == 0) {
        child.in_child_ = true;
        return child;
    }
    child.pid_ = static_cast<pid_t>(rc);
    child.pid_fd_.reset(pid_fd);
    return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      pid_fd_(std::move(other.pid_fd_)),
      in_child_(other.in_child_) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
    if (this != &other) {
        this->~ChildProcess();
        pid_ = std::exchange(other.pid_, -1);
        pid_fd_ = std::move(other.pid_fd_);
        in_child_ = other.in_child_;
    }
    return *this;
}

ChildProcess::~ChildProcess() {
    if (pid_ <= 0) return;
    signal(SIGKILL);
    int status = 0;
    (void)wait_for(pid_, &status, 0);  // nobody is left to be told
    pid_ = -1;
    pid_fd_.reset();
}

void ChildProcess::signal(int number) const noexcept {
    if (pid_ <= 0) return;
    // A child that is not reaped keeps its pid, so kill(2) is as exact as the pidfd.
    if (raw::pidfd_send_signal(pid_fd_.get(), number, nullptr, 0) == -ENOSYS) {
        (void)raw::kill(pid_, number);
    }
}

void ChildProcess::signal(int number, siginfo_t& info) const noexcept {
    if (pid_ <= 0) return;
    (void)raw::pidfd_send_signal(pid_fd_.get(), number, &info, 0);  // a dead process is fine
}

ExitStatus ChildProcess::wait() {
    int status = 0;
    const long rc = wait_for(pid_, &status, 0);
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "wait for a process");
    release();
    return status_from(status);
}

std::optional<ExitStatus> ChildProcess::try_wait() {
    int status = 0;
    const long rc = wait_for(pid_, &status, WNOHANG);
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "wait for a process");
    if (rc == 0) return std::nullopt;
    release();
    return status_from(status);
}

void ChildProcess::release() noexcept {
    pid_ = -1;
    pid_fd_.reset();
}

}  // namespace sandbox::kernel
