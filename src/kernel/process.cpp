#include "sandbox/kernel/process.hpp"

#include <sys/wait.h>

#include <cerrno>
#include <utility>

#include "clone_call.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/probe.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

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

ChildProcess ChildProcess::in_child() noexcept {
    ChildProcess child;
    child.in_child_ = true;
    return child;
}

std::optional<ChildProcess> ChildProcess::try_clone_into(std::uint64_t namespace_flags,
                                                         int cgroup_fd) {
    return try_clone(namespace_flags, cgroup_fd);
}

std::optional<ChildProcess> ChildProcess::try_clone(std::uint64_t namespace_flags, int cgroup_fd) {
    int pid_fd = -1;
    const CloneArguments arguments = make_clone_arguments(namespace_flags, cgroup_fd, &pid_fd);
    const long rc = clone_call(arguments);
    if (cgroup_fd >= 0 && lacks_clone_into(rc)) return std::nullopt;
    if (rc < 0) {
        const int errnum = static_cast<int>(-rc);
        if (namespace_flags == 0) throw base::SysError(errnum, "create a process");
        throw NamespacesRefused(errnum, "create namespaces", {}, explain_namespace_failure(errnum));
    }
    if (rc == 0) {
        ChildProcess child;
        child.in_child_ = true;
        return child;
    }
    return ChildProcess(static_cast<pid_t>(rc), base::UniqueFd(pid_fd));
}

ChildProcess::ChildProcess(pid_t pid, base::UniqueFd pid_fd) noexcept
    : pid_(pid), pid_fd_(std::move(pid_fd)) {}

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
