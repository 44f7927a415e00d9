#include "engine/exec/process_stat.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

std::vector<std::string> words_of(std::string_view line) {
    std::vector<std::string> words;
    while (true) {
        line = base::trim(line);
        if (line.empty()) return words;
        const size_t end = line.find_first_of(" \t");
        words.emplace_back(line.substr(0, end));
        line.remove_prefix(end == std::string_view::npos ? line.size() : end);
    }
}

// The last column, the command, has blanks of its own.
std::vector<std::string> cells_of(std::string_view line, size_t columns) {
    std::vector<std::string> cells = words_of(line);
    while (cells.size() > columns && columns > 0) {
        cells[cells.size() - 2] += " " + cells.back();
        cells.pop_back();
        if (cells.size() <= columns) break;
    }
    return cells;
}

}  // namespace

std::optional<ProcessStat> try_parse_stat(std::string_view text) {
    const size_t open = text.find('(');
    const size_t close = text.rfind(')');
    if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
        return std::nullopt;
    }
    ProcessStat stat;
    stat.name = text.substr(open + 1, close - open - 1);
    // From field 3 on: state ppid pgrp session tty_nr tpgid flags minflt cminflt majflt cmajflt
    // utime stime cutime cstime priority nice threads itrealvalue starttime.
    const std::vector<std::string> fields = words_of(text.substr(close + 1));
    constexpr size_t kParent = 1, kTerminal = 4, kUser = 11, kSystem = 12, kStart = 19;
    if (fields.size() <= kStart) return std::nullopt;
    stat.parent = base::try_parse_i64(fields[kParent]).value_or(0);
    stat.terminal = static_cast<std::uint32_t>(base::try_parse_i64(fields[kTerminal]).value_or(0));
    stat.cpu_ticks = base::try_parse_u64(fields[kUser]).value_or(0) +
                     base::try_parse_u64(fields[kSystem]).value_or(0);
    stat.start_ticks = base::try_parse_u64(fields[kStart]).value_or(0);
    return stat;
}

std::string terminal_name(std::uint32_t device) {
    // proc_pid_stat(5): minor in bits 31-20 and 7-0, major in 15-8; 136 to 143 are ptys.
    const std::uint32_t major = (device >> 8) & 0xff;
    const std::uint32_t minor = (device & 0xff) | ((device >> 12) & 0xfff00);
    constexpr std::uint32_t kFirstPty = 136, kLastPty = 143;
    if (major < kFirstPty || major > kLastPty) return "?";
    return "pts/" + std::to_string((major - kFirstPty) * 256 + minor);
}

std::string format_cpu_time(std::uint64_t seconds) {
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), "%02llu:%02llu:%02llu",
                        static_cast<unsigned long long>(seconds / 3600),
                        static_cast<unsigned long long>(seconds / 60 % 60),
                        static_cast<unsigned long long>(seconds % 60));
    return text.data();
}

std::string format_start(std::int64_t unix_seconds) {
    const std::time_t start = unix_seconds;
    const std::time_t now = base::now().seconds;
    std::tm then{};
    std::tm today{};
    if (::localtime_r(&start, &then) == nullptr || ::localtime_r(&now, &today) == nullptr) {
        return "?";
    }
    const bool same_day = then.tm_yday == today.tm_yday && then.tm_year == today.tm_year;
    std::array<char, 32> text{};
    (void)std::strftime(text.data(), text.size(), same_day ? "%H:%M" : "%b%d", &then);
    return text.data();
}

ProcessTable filter_ps(std::string_view text, const std::set<std::string>& pids) {
    ProcessTable table;
    size_t pid_column = 0;
    for (const std::string& line : base::split(text, '\n')) {
        if (line.empty()) continue;
        if (table.titles.empty()) {
            table.titles = words_of(line);
            const auto found = std::find(table.titles.begin(), table.titles.end(), "PID");
            if (found == table.titles.end()) {
                throw base::Error("the options of ps leave the PID column out",
                                  "add pid to its -o option");
            }
            pid_column = static_cast<size_t>(found - table.titles.begin());
            continue;
        }
        std::vector<std::string> cells = cells_of(line, table.titles.size());
        if (pid_column < cells.size() && pids.contains(cells[pid_column])) {
            table.rows.push_back(std::move(cells));
        }
    }
    return table;
}

}  // namespace sandbox::engine
