// openat2(2) by hand, for kernels and seccomp filters without it (ENOSYS).
#pragma once

#include <sys/types.h>

#include <string>

namespace sandbox::base {

enum class WalkRule {
    beneath,  // RESOLVE_BENEATH: absolute links and ".." above the root are EXDEV
    in_root,  // RESOLVE_IN_ROOT: both lead to the root
};
// Answers a new O_CLOEXEC descriptor or -errno. Magic links (procfs) are ELOOP.
[[nodiscard]] int walk_and_open(int root_fd, const std::string& path, int flags, mode_t mode,
                                WalkRule rule);

}  // namespace sandbox::base
