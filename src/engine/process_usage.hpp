// What the processes below one use together, from /proc: where there is no cgroup that counts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "sandbox/kernel/cgroup.hpp"

namespace sandbox::engine {

// `root` and all of its descendants. Memory is what no other process shares with the disk
// (RssAnon and RssShmem). Processes that end meanwhile are left out.
[[nodiscard]] kernel::CgroupUsage usage_of_tree(pid_t root);

// What has gone over the interfaces of a process's network namespace, the loopback left out.
// Absent: the process is gone.
struct NetworkUsage {
    std::uint64_t received_bytes = 0, sent_bytes = 0;
};
[[nodiscard]] std::optional<NetworkUsage> network_usage_of(pid_t pid);

// Pure parts: /proc/PID/stat → nanoseconds of processor time, and threads.
struct ProcessTimes {
    std::uint64_t cpu_ns = 0;
    std::uint64_t threads = 0;
};
[[nodiscard]] ProcessTimes parse_proc_stat(std::string_view stat, long ticks_per_second);
// /proc/PID/status → bytes.
[[nodiscard]] std::uint64_t parse_proc_memory(std::string_view status);
// proc(5), /proc/PID/net/dev.
[[nodiscard]] NetworkUsage parse_net_dev(std::string_view text);

}  // namespace sandbox::engine
