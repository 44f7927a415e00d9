// A child process: pid and pidfd, killed and reaped unless released. Must be made in a process
// that has one thread.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <cstdint>
#include <optional>

#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::kernel {

struct ExitStatus {
    int code = 0;  // exit code when signal is 0
    int signal = 0;
    // What a shell would say: code, or 128+signal.
    [[nodiscard]] int shell_code() const noexcept { return signal != 0 ? 128 + signal : code; }
};

// The kernel, or who guards it, lets us make no (more) namespaces: no container can start here. The
// hint is the cure.
class NamespacesRefused : public base::SysError {
  public:
    using SysError::SysError;
};

class ChildProcess {
  public:
    ChildProcess() = default;
    // clone3(2) with CLONE_PIDFD and `namespace_flags`, fork-like (own copy of memory). In the
    // child the call answers an object with is_child() true. On ENOSYS falls back to clone(2).
    // Throws NamespacesRefused, or SysError where there are no flags.
    static ChildProcess clone(std::uint64_t namespace_flags);
    // The same, and the child begins its life in that cgroup (its directory). Absent: this kernel
    // cannot (before 5.7), or an outer container's filter does not let us.
    static std::optional<ChildProcess> try_clone_into(std::uint64_t namespace_flags, int cgroup_fd);
    // A child of this process that was made otherwise.
    ChildProcess(pid_t pid, base::UniqueFd pid_fd) noexcept;
    // What clone() answers in the child, for who clones by other means.
    static ChildProcess in_child() noexcept;
    ChildProcess(ChildProcess&& other) noexcept;
    ChildProcess& operator=(ChildProcess&& other) noexcept;
    ~ChildProcess();  // SIGKILL and reap

    [[nodiscard]] bool is_child() const noexcept { return in_child_; }
    [[nodiscard]] pid_t pid() const noexcept { return pid_; }
    [[nodiscard]] int pid_fd() const noexcept { return pid_fd_.get(); }
    void signal(int number) const noexcept;  // by pidfd; a dead process is fine
    // The same with information of ours (SI_QUEUE); not there before Linux 5.1.
    void signal(int number, siginfo_t& info) const noexcept;
    ExitStatus wait();                     // blocks; then the object is empty
    std::optional<ExitStatus> try_wait();  // absent: still running
    void release() noexcept;               // no longer ours to kill

  private:
    static std::optional<ChildProcess> try_clone(std::uint64_t namespace_flags, int cgroup_fd);
    pid_t pid_ = -1;
    base::UniqueFd pid_fd_;
    bool in_child_ = false;
};

}  // namespace sandbox::kernel
