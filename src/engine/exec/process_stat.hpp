// What /proc and ps(1) say about processes, as text. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "sandbox/engine/top.hpp"

namespace sandbox::engine {

struct ProcessStat {
    std::string name;  // may hold any byte, also ")"
    std::int64_t parent = 0;
    std::uint32_t terminal = 0;  // device number as the kernel prints it
    std::uint64_t cpu_ticks = 0;
    std::uint64_t start_ticks = 0;  // since boot
};
// proc_pid_stat(5).
[[nodiscard]] std::optional<ProcessStat> try_parse_stat(std::string_view text);
[[nodiscard]] std::string terminal_name(std::uint32_t device);      // "pts/3", "?"
[[nodiscard]] std::string format_cpu_time(std::uint64_t seconds);   // "00:01:02"
[[nodiscard]] std::string format_start(std::int64_t unix_seconds);  // "15:04" today, else "Nov24"

// The table of ps(1), with the lines of `pids` only. Throws Error without a PID column.
[[nodiscard]] ProcessTable filter_ps(std::string_view text, const std::set<std::string>& pids);

}  // namespace sandbox::engine
