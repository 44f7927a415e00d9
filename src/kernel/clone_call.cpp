#include "clone_call.hpp"

#include <linux/sched.h>
#include <sys/prctl.h>

#include <cerrno>

#include "sandbox/base/raw.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

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

}  // namespace

CloneArguments make_clone_arguments(std::uint64_t flags, int cgroup_fd, int* pid_fd) noexcept {
    CloneArguments arguments;
    arguments.flags = flags | CLONE_PIDFD;
    arguments.pidfd = static_cast<std::uint64_t>(raw::ptr(pid_fd));
    // clone(2): not together with an exit signal of its own.
    if ((flags & CLONE_PARENT) != 0) arguments.exit_signal = 0;
    arguments.child_tid = libc_tid_address();
    if (arguments.child_tid != 0) arguments.flags |= CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;
    if (cgroup_fd >= 0) {
        arguments.flags |= kIntoCgroup;
        arguments.cgroup = static_cast<std::uint64_t>(cgroup_fd);
    }
    return arguments;
}

bool lacks_clone_into(long rc) noexcept {
    return rc == -ENOSYS || rc == -EPERM || rc == -EINVAL || rc == -E2BIG;
}

long clone_call(const CloneArguments& arguments) noexcept {
    const bool into_cgroup = (arguments.flags & kIntoCgroup) != 0;
    const std::size_t size = into_cgroup ? sizeof arguments : kFirstSize;
    const long rc = raw::call(raw::kSysClone3, raw::ptr(&arguments), static_cast<long>(size));
    // EPERM: filters of outer containers answer so for calls they do not know. Where the kernel
    // itself refused, clone(2) says the same once more.
    if (!into_cgroup && (rc == -ENOSYS || rc == -EPERM)) return clone_classic(arguments);
    return rc;
}

}  // namespace sandbox::kernel
