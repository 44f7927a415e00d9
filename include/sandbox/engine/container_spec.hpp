// A container as it will be, fully resolved: pure data, no defaults left to apply, names looked up.
// Built by spec_builder from image config and request; consumed by launch (which makes the flat
// plan for the child from it). Host paths are opened by launch once, with O_PATH, and mounted by
// fd.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/image/rootfs.hpp"
#include "sandbox/kernel/capabilities.hpp"
#include "sandbox/kernel/cgroup.hpp"
#include "sandbox/kernel/seccomp.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::engine {

struct MountSpec {
    enum class Kind { bind, volume, tmpfs, device };
    Kind kind = Kind::bind;
    std::string source;       // bind, device: absolute host path; volume: its data path
    std::string volume_name;  // volume: name
    bool anonymous = false;   // volume: made for this container, goes with it
    std::string target;       // absolute path in the container, normalised
    bool read_only = false;
    bool exec = true;
    bool nosuid = true;
    bool recursive = true;
    bool mark_owners = false;  // bind: emulated owners are kept as attributes of the host's files
    bool create_source =
        false;          // -v only: a missing source directory is made (docker's way), said aloud
    bool seed = false;  // volume: empty and new: copy the image's content at target first
    std::uint64_t tmpfs_size_bytes = 0;  // 0: half of memory, the kernel's default
    mode_t tmpfs_mode = 01777;
    std::string tmpfs_options;         // the rest, already checked: "uid=…"
    std::string device_permissions{};  // device: "rwm", shown and not enforced
    bool if_there = false;             // left out when the source is gone
};

struct MemoryFileSpec {
    std::string target;  // absolute path in the container
    std::string content;
    kernel::ContainerId uid, gid;
    mode_t mode = 0444;
};

// attached: links on networks with a gateway (engine/container_network.hpp). none: lo alone.
// joined: that of another container (engine/joined_network.hpp).
enum class NetworkMode { attached, none, host, joined };

// What the network of a container by itself is called; docker says "bridge".
inline constexpr const char* kPrivateNetwork = "private";

// A place on a network, named or private; addresses are given out when they are empty.
struct NetworkUse {
    std::string name;
    std::vector<std::string> aliases;
    std::string ip, ip6, mac;
    bool operator==(const NetworkUse&) const = default;
};

// How a container's ids are made. Without a range: one id, and
//   map_user  it is the payload's own, whoever that is;
//   fake      it is root's; what would change an id answers as if it had worked, and is forgotten;
//   emulate   it is root's; each process is shown the ids it has asked for (engine/identity).
enum class IdentityMode { range, map_user, fake, emulate };
// As --identity takes it.
[[nodiscard]] constexpr const char* name_of(IdentityMode mode) noexcept {
    switch (mode) {
        case IdentityMode::range:
            return "subuid";
        case IdentityMode::map_user:
            return "map-user";
        case IdentityMode::fake:
            return "fake";
        case IdentityMode::emulate:
            return "emulate";
    }
    return "";
}

struct IdentitySpec {
    kernel::ContainerId uid;
    kernel::ContainerId gid;
    std::vector<kernel::ContainerId> groups;  // exactly these; the primary gid is in it
    std::string home;
};

// What the supervisor runs in the container to see whether it is well. Times are never 0, but for
// start_period.
struct HealthSpec {
    std::vector<std::string> test;  // as in the image's configuration: {"CMD-SHELL", script}
    std::vector<std::string> argv;  // what is executed
    std::chrono::nanoseconds interval{0}, timeout{0};
    std::chrono::nanoseconds start_period{0}, start_interval{0};  // failures do not count at first
    std::uint32_t retries = 3;                                    // failures until "unhealthy"
    // While it starts, further tries in between, of which only a success counts.
    bool eager = false;
};

struct ContainerSpec {
    std::string id;  // 64 hex digits
    std::string name;
    std::string hostname;
    image::RootfsPlan rootfs;
    bool read_only_root = false;
    bool volatile_upper = true;  // one-shot: overlay's volatile option
    kernel::IdMap ids;
    IdentityMode identity = IdentityMode::range;
    IdentitySpec user;
    std::vector<std::string> argv;             // never empty
    std::vector<std::string> env;              // NAME=value, complete
    bool home_is_users = false;                // HOME in env is user.home: nobody set another
    std::vector<std::string> group_add;        // as typed: another user of an exec gets them too
    std::string working_dir;                   // absolute; made inside when missing
    std::vector<MountSpec> mounts;             // parents before children
    std::vector<MemoryFileSpec> memory_files;  // over the mounts
    std::vector<std::pair<std::string, std::string>> hosts;         // name, address for /etc/hosts
    std::vector<std::string> dns_servers, dns_search, dns_options;  // for /etc/resolv.conf
    std::uint64_t shm_size_bytes = 64u << 20;
    NetworkMode network = NetworkMode::attached;
    std::string joined_container;           // joined: its name or id
    std::vector<NetworkUse> networks;       // attached: the first is eth0; none: a private one
    std::vector<std::uint16_t> host_ports;  // attached: of the host's loopback, at host.internal
    bool link_local = false;                // attached: link-local and metadata addresses are open
    bool network_required = false;  // attached: without is an error; otherwise lo alone will do
    bool dns_from_gateway = false;  // attached: dns_servers is the gateway's, known at the start
    std::vector<std::string> published_ports;  // docker's words, checked; attached only
    kernel::CapabilitySet capabilities = 0;    // bounding; effective too when uid is 0
    bool no_new_privileges = false;
    kernel::BpfProgram seccomp;                   // empty: unconfined
    std::vector<std::pair<int, rlimit>> rlimits;  // RLIMIT_*, complete
    std::uint64_t pids_limit = 2048;              // 0: none
    kernel::ResourceLimits limits;                // through a cgroup; without pids
    bool strict_limits = false;                   // a limit that cannot be had is an error
    std::optional<int> oom_score_adj;
    std::map<std::string, std::string> sysctls;
    bool init = true;          // our init is pid 1
    bool tty = false;          // a pty from the container's devpts
    bool interactive = false;  // stdin is passed on; otherwise /dev/null
    bool privileged = false;
    bool mask_paths = true;
    int stop_signal = 15;
    std::uint32_t stop_timeout_seconds = 10;
    std::optional<HealthSpec> health;
    std::vector<int> preserve_fds;  // 3, 4, …: given to the payload as they are
};

}  // namespace sandbox::engine
