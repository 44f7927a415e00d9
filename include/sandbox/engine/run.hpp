// `run`: from what the user asked to a process and its exit code. One foreground container; the
// calling process is its supervisor. Must be called in a process with one thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/image/pull.hpp"
#include "sandbox/oci/platform.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// Flags as typed (docker's grammar); parsing and checking is the engine's, so that profiles and
// flags have one rule. Throws UsageError with code 125 for a bad value.
struct RunRequest {
    std::string image;
    std::vector<std::string> command;
    std::optional<std::string> entrypoint;  // "" resets
    std::vector<std::string> env;           // NAME=value or NAME
    std::vector<std::string> env_files;
    std::vector<std::string> unset_env;
    bool unset_env_all = false;
    std::vector<std::string> volumes;  // -v
    std::vector<std::string> mounts;   // --mount
    std::vector<std::string> tmpfs;    // --tmpfs
    std::vector<std::string> volumes_from;
    std::optional<std::string> working_dir, user, hostname, name, cidfile, shm_size, stop_signal,
        network, pids_limit, userns;
    std::vector<std::string> cap_add, cap_drop, security_opt, ulimits, labels, annotations,
        group_add, add_host, dns, dns_search, dns_option, sysctls, devices, label_files;
    std::optional<oci::Platform> platform;
    image::PullPolicy pull = image::PullPolicy::missing;
    std::optional<std::uint32_t> stop_timeout_seconds, timeout_seconds;
    std::optional<bool> remove;  // --rm / --keep; absent: one-shot rule (removed unless named)
    bool interactive = false;
    std::optional<bool> tty;   // absent: found out
    std::optional<bool> init;  // absent: yes
    bool read_only = false, privileged = false, quiet = false, sig_proxy = true, replace = false,
         no_hosts = false;
    std::uint32_t preserve_fds = 0;
    image::Progress* progress = nullptr;
};

// Answers the exit code: the payload's own, 128+n, or 126/127 when it could not be executed (said
// on stderr). Throws Error with code 125 when sandbox itself failed.
int run_foreground(const store::Store& store, const RunRequest& request);

}  // namespace sandbox::engine
