// clone3(2), with clone(2) where an outer container's filter or an old kernel does not have it.
// Only system calls: for code that runs in the memory of another process, too.
#pragma once

#include <csignal>
#include <cstddef>
#include <cstdint>

namespace sandbox::kernel {

// linux/sched.h of the build machine may be older than the fields we pass. clone(2).
struct CloneArguments {
    std::uint64_t flags = 0, pidfd = 0, child_tid = 0, parent_tid = 0, exit_signal = SIGCHLD,
                  stack = 0, stack_size = 0, tls = 0;
    // Later additions, passed only when they are needed.
    std::uint64_t set_tid = 0, set_tid_size = 0, cgroup = 0;
};

// Fork-like, with CLONE_PIDFD: the descriptor is written to *pid_fd. cgroup_fd >= 0: the child
// begins in it. With CLONE_PARENT the child gets the signal of its creator.
[[nodiscard]] CloneArguments make_clone_arguments(std::uint64_t flags, int cgroup_fd,
                                                  int* pid_fd) noexcept;

// A kernel before 5.7, or a filter that does not know it: with a cgroup there is no other way.
[[nodiscard]] bool lacks_clone_into(long rc) noexcept;

// Answers as the system call does, -errno on failure.
[[nodiscard]] long clone_call(const CloneArguments& arguments) noexcept;

}  // namespace sandbox::kernel
