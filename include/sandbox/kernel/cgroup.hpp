// Control groups, version 2: limits, freezing, counting and killing all of a container's processes.
// An ordinary user can have one only below a directory that was delegated to him: his own subtree,
// or a scope asked of his systemd. Where there is none, callers say what is not enforced.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::kernel {

// Absent or empty: not asked for. Units as in the kernel's Documentation/admin-guide/cgroup-v2.
struct ResourceLimits {
    std::optional<std::uint64_t> memory_bytes;              // memory.max
    std::optional<std::uint64_t> swap_bytes;                // memory.swap.max
    std::optional<std::uint64_t> memory_reservation_bytes;  // memory.low
    std::optional<std::uint64_t> pids;                      // pids.max
    std::optional<std::uint64_t> cpu_quota_us;              // cpu.max; per period
    std::uint64_t cpu_period_us = 100'000;
    std::optional<std::uint32_t> cpu_weight;  // cpu.weight, 1…10000
    std::string cpus, memory_nodes;           // cpuset.cpus, cpuset.mems: "0-3,5"
    std::optional<std::uint32_t> io_weight;   // io.weight, 1…10000
    [[nodiscard]] bool empty() const noexcept;
};

// Limits that could not be set, in the user's words ("memory"), and why.
struct UnmetLimits {
    std::vector<std::string> names;
    std::string why;
    [[nodiscard]] bool empty() const noexcept { return names.empty(); }
};

// The flags' names of all that is asked for: "memory", "cpus", ….
[[nodiscard]] std::vector<std::string> limit_names(const ResourceLimits& limits);

struct CgroupUsage {
    std::uint64_t cpu_ns = 0;
    std::optional<std::uint64_t> memory_bytes;  // without file pages that can be dropped
    std::optional<std::uint64_t> memory_limit_bytes;
    std::uint64_t tasks = 0;
    std::optional<std::uint64_t> read_bytes, written_bytes;
    std::uint64_t oom_kills = 0;
};

class Cgroup {
  public:
    // `dir_fd`: a cgroup's directory (or, in tests, one with files of the same names).
    Cgroup(base::UniqueFd dir, base::UniqueFd parent, std::string name);

    // For CLONE_INTO_CGROUP; O_DIRECTORY.
    [[nodiscard]] int fd() const noexcept { return dir_.get(); }
    // Answers what is not enforced: controllers that are not there.
    [[nodiscard]] UnmetLimits set(const ResourceLimits& limits) const;
    void add(pid_t pid) const;  // throws SysError
    // Answers when all of its processes stand still, or go on. Throws Error after 10 seconds.
    void freeze(bool frozen) const;
    // SIGKILL to every process in it. False: this kernel cannot (before 5.14).
    bool kill() const noexcept;
    [[nodiscard]] CgroupUsage usage() const;
    [[nodiscard]] std::uint64_t oom_kills() const;
    [[nodiscard]] bool has_processes() const;
    // The directory. False: something is still in it.
    bool remove() const noexcept;

  private:
    base::UniqueFd dir_, parent_;
    std::string name_;
};

// A directory that is ours to make cgroups in.
struct DelegatedSubtree {
    std::string path;                      // in the file system
    std::vector<std::string> controllers;  // that it can hand on
};
// The highest of our own cgroup and those above it that we may write to.
[[nodiscard]] std::optional<DelegatedSubtree> try_find_subtree();
// Pure parts of it. `mounts`: /proc/self/mountinfo; `membership`: /proc/self/cgroup.
struct CgroupMount {
    std::string point, root;
};
[[nodiscard]] std::optional<CgroupMount> try_find_cgroup2(std::string_view mounts);
[[nodiscard]] std::optional<std::string> try_own_cgroup(std::string_view membership);
// Where our own cgroup is in the file system; absent when the mount does not show it.
[[nodiscard]] std::optional<std::string> try_join(const CgroupMount& mount, const std::string& own);

struct MadeCgroup {
    std::optional<Cgroup> cgroup;
    UnmetLimits unmet;
};
// The cgroup "sandbox-<id>" with these limits. Asks systemd for a scope (and moves this process
// into it) only when `limits` has something that our own subtree cannot do.
[[nodiscard]] MadeCgroup make_cgroup(const std::string& id, const ResourceLimits& limits);
// What a killed supervisor left; nothing when it is not there or still in use.
void remove_cgroup(const std::string& id) noexcept;

}  // namespace sandbox::kernel
