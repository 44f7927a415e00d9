// `run`: from what the user asked to a process and its exit code. One foreground container; the
// calling process is its supervisor. Must be called in a process with one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/image/pull.hpp"
#include "sandbox/oci/platform.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// A file that the container has in memory only, read-only. Where its content comes from is kept,
// and asked again at each start.
struct MemoryFile {
    std::string target;                  // absolute path in the container
    std::string name;                    // for messages: `secret "password"`
    std::string file;                    // absolute path on the host; or
    std::vector<std::string> variables;  // of the starting process's environment: the first there
                                         // is; the last one is what users know it by; or
    std::optional<std::string> content;  // no secret: kept as it is
    std::uint32_t uid = 0, gid = 0;      // in the container; one that is not mapped counts as 0
    std::uint32_t mode = 0444;
    bool operator==(const MemoryFile&) const = default;
};

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
    // Of `volumes` and `mounts`, by name: anonymous ones of a former container, this one's now.
    std::vector<std::string> carried_volumes;
    std::vector<MemoryFile> memory_files;
    std::optional<std::string> working_dir, user, hostname, name, cidfile, shm_size, stop_signal,
        network, pids_limit, userns, identity;
    // Limits: --memory, --cpus, …
    std::optional<std::string> memory, memory_swap, memory_reservation, cpus, cpu_shares, cpu_quota,
        cpu_period, cpuset_cpus, cpuset_mems, blkio_weight, oom_score_adj;
    bool strict_limits = false;
    std::optional<std::string> log_driver;
    std::vector<std::string> log_options;
    std::vector<std::string> attach;             // --attach: stdin, stdout, stderr; empty: all
    std::optional<std::string> restart;          // --restart: no, on-failure[:n], always, …
    std::optional<std::string> seccomp_profile;  // content; absent: read from --security-opt's file
    std::vector<std::string> cap_add, cap_drop, security_opt, ulimits, labels, annotations,
        group_add, add_host, dns, dns_search, dns_option, sysctls, devices, label_files, expose;
    std::optional<oci::Platform> platform;
    image::PullPolicy pull = image::PullPolicy::missing;
    std::optional<std::string> health_cmd, health_interval, health_timeout, health_start_period,
        health_start_interval, health_retries;
    bool no_healthcheck = false;
    bool health_eager = false;  // somebody waits for the first success: see HealthSpec
    std::optional<std::uint32_t> stop_timeout_seconds, timeout_seconds;
    std::optional<bool> remove;  // --rm / --keep; absent: one-shot rule (removed unless named)
    bool interactive = false;
    std::optional<bool> tty;   // absent: found out
    std::optional<bool> init;  // absent: yes
    bool read_only = false, privileged = false, quiet = false, sig_proxy = true, replace = false,
         no_hosts = false;
    // Named networks, one a word: "NAME" or "name=NAME,alias=A,ip=ADDRESS,…". The first is eth0.
    // Empty: `network` says what there is.
    std::vector<std::string> networks;
    std::vector<std::string> network_aliases;         // on the first of them
    std::optional<std::string> ip, ip6, mac_address;  // on the first of them
    std::vector<std::string> host_access;  // ports of the host's loopback, or "link-local"
    std::vector<std::string> publish;      // -p
    bool publish_all = false;              // -P: what the image exposes, on free ports
    bool detached =
        false;  // a supervisor of its own will start it: nothing of the caller's is used
    // A verb of ours that the supervisor of a detached container starts, as `VERB restarted|ended
    // STORE ID STARTED_NS`, when its restart policy has started it again, and when it has ended for
    // good without having been asked to.
    std::optional<std::string> follow_up;
    std::uint32_t preserve_fds = 0;
    image::Progress* progress = nullptr;
};

// Answers the exit code: the payload's own, 128+n, or 126/127 when it could not be executed (said
// on stderr). Throws Error with code 125 when sandbox itself failed.
int run_foreground(const store::Store& store, const RunRequest& request);

// `create`: all that `run` does before the launch. Answers the id. Kept unless request.remove.
[[nodiscard]] std::string create_container(const store::Store& store, const RunRequest& request);
// `run -d`: create and start. A payload that cannot be executed is an Error with 126 or 127; the
// container stays as created then, unless request.remove.
// `started` hears the id while signals are still held back: whoever interrupts later than the start
// finds the id told.
std::string run_detached(const store::Store& store, const RunRequest& request,
                         const std::function<void(const std::string& id)>& started = {});

}  // namespace sandbox::engine
