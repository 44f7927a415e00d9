// Keys of compose files that a profile does not have, and what becomes of each.
#pragma once

#include <string_view>

#include "compose_translate.hpp"

namespace sandbox::project {

struct Outcome {
    std::string_view key;
    Remark::Kind kind;
    std::string_view text;
};

// Keys of a service that a profile does not have.
inline constexpr Outcome kServiceOutcomes[] = {
    {"blkio_config", Remark::Kind::ignored, "disk weights need control groups that are root's"},
    {"cgroup", Remark::Kind::ignored, "each container has a control group namespace of its own"},
    {"cgroup_parent", Remark::Kind::ignored, "control groups are chosen by sandbox"},
    {"cpu_count", Remark::Kind::ignored, "use cpus"},
    {"cpu_percent", Remark::Kind::ignored, "use cpus"},
    {"cpu_rt_period", Remark::Kind::ignored, "real-time scheduling needs root"},
    {"cpu_rt_runtime", Remark::Kind::ignored, "real-time scheduling needs root"},
    {"credential_spec", Remark::Kind::ignored, "Windows only"},
    {"device_cgroup_rules", Remark::Kind::ignored, "devices are not given by rules here"},
    {"domainname", Remark::Kind::ignored, "a container has a host name alone"},
    {"external_links", Remark::Kind::refused, "put both on one named network"},
    {"gpus", Remark::Kind::refused, "there are no GPUs without root"},
    {"ipc", Remark::Kind::refused, "each container has System V IPC of its own"},
    {"isolation", Remark::Kind::ignored, "Windows only"},
    {"mem_swappiness", Remark::Kind::ignored, "the kernel's default is used"},
    {"models", Remark::Kind::refused, "there are no models here"},
    {"oom_kill_disable", Remark::Kind::ignored, "the kernel may always end a process"},
    {"pid", Remark::Kind::refused, "each container has process ids of its own"},
    {"post_start", Remark::Kind::refused, "write a task that depends on the service"},
    {"pre_stop", Remark::Kind::refused, "do it in the service's own handler of its stop signal"},
    {"provider", Remark::Kind::refused, "there are no providers here"},
    {"runtime", Remark::Kind::ignored, "sandbox is the runtime"},
    {"storage_opt", Remark::Kind::ignored, "the root file system has no quota"},
    {"use_api_socket", Remark::Kind::refused, "there is no daemon and so no socket"},
    {"userns_mode", Remark::Kind::ignored, "see \"identity\" in sandbox-profile(5)"},
    {"uts", Remark::Kind::refused, "each container has a host name of its own"},
};
inline constexpr Outcome kNetworkOutcomes[] = {
    {"attachable", Remark::Kind::ignored, "every container may be connected"},
    {"driver_opts", Remark::Kind::ignored, "there are no driver options"},
    {"enable_ipv4", Remark::Kind::ignored, "IPv4 is always there"},
};
inline constexpr Outcome kDeployOutcomes[] = {
    {"endpoint_mode", Remark::Kind::ignored, "for clusters"},
    {"labels", Remark::Kind::ignored, "for clusters"},
    {"mode", Remark::Kind::ignored, "for clusters"},
    {"placement", Remark::Kind::ignored, "for clusters"},
    {"rollback_config", Remark::Kind::ignored, "for clusters"},
    {"update_config", Remark::Kind::ignored, "for clusters"},
};

template <size_t N>
const Outcome* find_outcome(const Outcome (&table)[N], std::string_view key) {
    for (const Outcome& outcome : table) {
        if (outcome.key == key) return &outcome;
    }
    return nullptr;
}

}  // namespace sandbox::project
