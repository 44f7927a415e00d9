// The policy part of the plan: what of /proc and /sys is hidden or read-only, and the settings made
// in the new namespaces. README, "Defaults".
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "child_plan.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"

namespace sandbox::engine {
namespace {

constexpr const char* kMaskedProc[] = {"acpi",       "asound",        "interrupts",  "kcore",
                                       "keys",       "latency_stats", "sched_debug", "scsi",
                                       "timer_list", "timer_stats"};
constexpr const char* kMaskedSys[] = {"firmware", "devices/virtual/powercap", "dev/block"};
constexpr const char* kReadOnlyProc[] = {"bus", "fs", "irq", "sys", "sysrq-trigger"};
constexpr const char* kCpus = "/sys/devices/system/cpu";

// Per processor, where the hardware has it at all.
std::vector<std::string> thermal_throttle_paths() {
    std::vector<std::string> result;
    if (::access("/sys/devices/system/cpu/cpu0/thermal_throttle", F_OK) != 0) return result;
    const base::UniqueFd cpus = base::open_dir(kCpus);
    for (const std::string& name : base::list_dir(cpus.get())) {
        const bool processor =
            name.size() > 3 && name.starts_with("cpu") && name[3] >= '0' && name[3] <= '9';
        if (processor && base::exists_at(cpus.get(), name + "/thermal_throttle")) {
            result.push_back("devices/system/cpu/" + name + "/thermal_throttle");
        }
    }
    return result;
}

std::string sysctl_path(std::string key) {
    for (char& c : key) {
        if (c == '.') {
            c = '/';
        } else if (c == '/') {
            c = '.';  // sysctl(8): a dot inside of a name, as in an interface's, is written "/"
        }
    }
    return key;
}

std::pair<std::uint32_t, std::uint32_t> outermost_gids(const kernel::IdMap& ids) {
    const auto by_host_id = [](const kernel::IdRange& one, const kernel::IdRange& other) {
        return one.outside < other.outside;
    };
    const auto [first, last] = std::minmax_element(ids.gids.begin(), ids.gids.end(), by_host_id);
    return {first->inside.value, last->inside.value + (last->count - 1)};
}

}  // namespace

void ChildPlan::plan_masks() {
    if (!spec_.mask_paths || spec_.privileged) return;
    masked_proc_.assign(std::begin(kMaskedProc), std::end(kMaskedProc));
    masked_sys_.assign(std::begin(kMaskedSys), std::end(kMaskedSys));
    for (std::string& path : thermal_throttle_paths()) masked_sys_.push_back(keep(path));
    read_only_proc_.assign(std::begin(kReadOnlyProc), std::end(kReadOnlyProc));
    plan_.masked_proc = {masked_proc_.data(), masked_proc_.size()};
    plan_.masked_sys = {masked_sys_.data(), masked_sys_.size()};
    plan_.read_only_proc = {read_only_proc_.data(), read_only_proc_.size()};
}

void ChildPlan::plan_sysctls() {
    if (plan_.own_network && spec_.network != NetworkMode::joined) {
        // Low ports and ping without a capability: the network is the container's own.
        sysctls_.push_back({"net/ipv4/ip_unprivileged_port_start", "0"});
        // A client of many short connections would be out of ports after 28,000 in a minute.
        sysctls_.push_back({"net/ipv4/tcp_tw_reuse", "1"});
        // Its connections end at the gateway or at a neighbour, behind a virtual link. Reno is in
        // every kernel, and the only one that every user may choose (tcp(7)).
        sysctls_.push_back({"net/ipv4/tcp_congestion_control", "reno"});
        // From the lowest to the highest group of the map, as the host counts them: the kernel
        // compares those (icmp(7)), and refuses a group that the map does not have (EINVAL).
        const auto [low, high] = outermost_gids(spec_.ids);
        sysctls_.push_back(
            {"net/ipv4/ping_group_range", keep(std::to_string(low) + " " + std::to_string(high))});
    }
    for (const auto& [key, value] : spec_.sysctls) {
        sysctls_.push_back({keep(sysctl_path(key)), keep(value)});
    }
    // Most kernel bugs that lead to root begin with a user namespace. The second wall beside
    // seccomp.
    if (!spec_.privileged) sysctls_.push_back({"user/max_user_namespaces", "0"});
    plan_.sysctls = {sysctls_.data(), sysctls_.size()};
}

}  // namespace sandbox::engine
