#include "engine/process_usage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

constexpr size_t kMaxBytes = 8u << 20;
constexpr size_t kMaxProcesses = 100'000;

std::string read_proc(const std::string& path) {
    const int fd = base::raw::openat(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    const base::UniqueFd owner(fd);
    try {
        return base::read_fd(fd, kMaxBytes);
    } catch (const base::Error&) {  // ESRCH: it has ended
        return {};
    }
}

void add_children(pid_t pid, std::vector<pid_t>& found) {
    const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
    const auto dir = base::try_open_at(AT_FDCWD, tasks, O_RDONLY | O_DIRECTORY);
    if (!dir) return;
    for (const std::string& task : base::list_dir(dir->get())) {
        for (const std::string& child :
             base::split(read_proc(tasks + "/" + task + "/children"), ' ')) {
            if (const auto number = base::try_parse_u64(base::trim(child))) {
                found.push_back(static_cast<pid_t>(*number));
            }
        }
    }
}

}  // namespace

ProcessTimes parse_proc_stat(std::string_view stat, long ticks_per_second) {
    // proc(5): the name in brackets may hold anything. Behind it: state is field 3, utime 14,
    // stime 15, num_threads 20.
    constexpr size_t kUser = 11, kSystem = 12, kThreads = 17;
    const size_t bracket = stat.rfind(')');
    if (bracket == stat.npos || ticks_per_second <= 0) return {};
    const std::vector<std::string> fields = base::split(base::trim(stat.substr(bracket + 1)), ' ');
    if (fields.size() <= kThreads) return {};
    const auto number = [&](size_t i) { return base::try_parse_u64(fields[i]).value_or(0); };
    constexpr std::uint64_t kSecond = 1'000'000'000;
    return {(number(kUser) + number(kSystem)) * (kSecond / static_cast<unsigned>(ticks_per_second)),
            number(kThreads)};
}

std::uint64_t parse_proc_memory(std::string_view status) {
    std::uint64_t kib = 0;
    for (const std::string& line : base::split(status, '\n')) {
        if (!line.starts_with("RssAnon:") && !line.starts_with("RssShmem:")) continue;
        std::string_view text = base::trim(std::string_view(line).substr(line.find(':') + 1));
        if (text.ends_with(" kB")) text.remove_suffix(3);
        kib += base::try_parse_u64(text).value_or(0);
    }
    return kib * 1024;
}

NetworkUsage parse_net_dev(std::string_view text) {
    // "  eth0: BYTES packets errs drop fifo frame compressed multicast BYTES packets ..."
    constexpr size_t kReceived = 0, kSent = 8;
    NetworkUsage usage;
    for (const std::string& line : base::split(text, '\n')) {
        const size_t colon = line.find(':');
        if (colon == line.npos || base::trim(std::string_view(line).substr(0, colon)) == "lo") {
            continue;
        }
        std::vector<std::string> fields = base::split(line.substr(colon + 1), ' ');
        std::erase(fields, "");
        if (fields.size() <= kSent) continue;
        usage.received_bytes += base::try_parse_u64(fields[kReceived]).value_or(0);
        usage.sent_bytes += base::try_parse_u64(fields[kSent]).value_or(0);
    }
    return usage;
}

// Everybody may read it: proc(5) asks for no right there, dumpable or not.
std::optional<NetworkUsage> network_usage_of(pid_t pid) {
    const std::string text = read_proc("/proc/" + std::to_string(pid) + "/net/dev");
    if (text.empty()) return std::nullopt;
    return parse_net_dev(text);
}

kernel::CgroupUsage usage_of_tree(pid_t root) {
    const long ticks = ::sysconf(_SC_CLK_TCK);
    kernel::CgroupUsage usage;
    usage.memory_bytes = 0;
    std::vector<pid_t> processes{root};
    for (size_t i = 0; i < processes.size() && i < kMaxProcesses; ++i) {
        const std::string dir = "/proc/" + std::to_string(processes[i]);
        const ProcessTimes times = parse_proc_stat(read_proc(dir + "/stat"), ticks);
        usage.cpu_ns += times.cpu_ns;
        usage.tasks += times.threads;
        *usage.memory_bytes += parse_proc_memory(read_proc(dir + "/status"));
        add_children(processes[i], processes);
    }
    return usage;
}

}  // namespace sandbox::engine
