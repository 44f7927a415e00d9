// Limits of memory, processors and processes: docker's flags → what a cgroup takes, and docker's
// numbers for `inspect`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/engine/run.hpp"
#include "sandbox/kernel/cgroup.hpp"

namespace sandbox::engine {

struct ResourceWish {
    kernel::ResourceLimits limits;  // without pids: --pids-limit has a default of its own
    std::optional<int> oom_score_adj;
    base::json::Object document;  // HostConfig's members: Memory, NanoCpus, …
};
// Throws UsageError (125).
[[nodiscard]] ResourceWish parse_resources(const RunRequest& request);

// "0-3,5" → the numbers; absent when malformed. Numbers up to 8191.
[[nodiscard]] std::optional<std::vector<int>> try_parse_cpu_list(std::string_view text);
// sched_setaffinity(2) for a child of ours: what is left of --cpuset-cpus without a cgroup.
void set_affinity(pid_t pid, const std::string& cpus);

}  // namespace sandbox::engine
