// The second way into a container: a process that joins one that runs, for exec and health checks.
// Includes nothing of the host side.
#pragma once

#include "child/plan.hpp"

namespace sandbox::engine::child {

// Memory that parent and child share: the container's own account files go up as bytes, and the
// identity that the parent read out of them comes down. Made by the parent with mmap(MAP_SHARED).
struct Accounts {
    static constexpr std::size_t kMaxFileBytes = 1u << 20;
    static constexpr std::size_t kMaxGroups = 1024;
    static constexpr std::size_t kMaxHomeBytes = 4096;
    struct File {
        std::int32_t error;  // positive errno; ENOENT: there is none
        std::uint32_t bytes;
        char text[kMaxFileBytes];
    };
    File passwd, group;
    std::uint32_t uid, gid, group_count;
    gid_t groups[kMaxGroups];
    char home[kMaxHomeBytes];
};

struct JoinPlan {
    // Of the payload's part: descriptors, identity, limits, capabilities, seccomp, directory,
    // stage.
    Plan payload;
    // In the order of kNamespaceNames; -1: we are in it already.
    int namespace_fds[7] = {-1, -1, -1, -1, -1, -1, -1};
    // cgroup.procs of the container's cgroup, open for writing; -1: it has none.
    int cgroup_procs_fd = -1;
    // A limit is kept by it: not to get in is an error.
    bool cgroup_needed = false;
    // Nobody waits: the payload outlives the process that started it.
    bool detached = false;
    // Null: the identity in `payload` is right.
    Accounts* accounts = nullptr;
    // With `accounts`: where the value of HOME goes in the environment, room for kMaxHomeBytes.
    // Null: HOME is set by hand.
    char* home = nullptr;
};

// Must be called in the new process, at once after clone. Never returns.
[[noreturn]] void join_main(const JoinPlan& plan) noexcept;

}  // namespace sandbox::engine::child
