// A RunRequest whose every flag has been read and checked, before anything is fetched or made: a
// typing error never costs a download.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/environment.hpp"
#include "engine/flags/log_flags.hpp"
#include "engine/flags/mount_flags.hpp"
#include "engine/flags/option_flags.hpp"
#include "engine/flags/option_resources.hpp"
#include "engine/restart_policy.hpp"
#include "sandbox/engine/run.hpp"

namespace sandbox::engine {

struct ParsedRequest {
    std::vector<MountWish> mounts;  // -v, --mount, --tmpfs; sorted, without duplicates
    std::vector<EnvAssignment> env;
    SecurityWish security;
    std::string seccomp_profile;  // content of security.seccomp_file
    NetworkWish network;
    HostAccess host_access;
    std::vector<NetworkUse> networks;  // named ones; network.name is the first's
    kernel::CapabilitySet capabilities = 0;
    std::vector<std::pair<std::string, std::string>> hosts;  // --add-host
    std::vector<std::pair<int, rlimit>> ulimits;
    std::map<std::string, std::string> labels, annotations, sysctls;
    std::set<std::string> exposed;  // "80/tcp"
    std::optional<int> stop_signal;
    std::optional<IdentityMode> identity;  // absent: chosen by itself
    RestartPolicy restart;
    LogWords log;
    std::uint64_t shm_size_bytes = 64u << 20;
    std::uint64_t pids_limit = 2048;
    ResourceWish resources;
    std::string name;      // empty: made up
    std::string hostname;  // empty: from the id
};

// Where relative paths and variables of the caller come from.
struct CallerFacts {
    std::string current_dir;
    HostEnvironment environment;
};
[[nodiscard]] CallerFacts caller_facts();

// Throws UsageError (125). Reads env, label and seccomp files; notices are logged.
[[nodiscard]] ParsedRequest parse_request(const RunRequest& request, const CallerFacts& caller);

}  // namespace sandbox::engine
