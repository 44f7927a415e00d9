// A container as it will be, fully resolved: pure data, no defaults left to apply, names looked up.
// Built by spec_builder from image config and request; consumed by launch (which makes the flat
// plan for the child from it). Host paths are opened by launch once, with O_PATH, and mounted by
// fd.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/image/rootfs.hpp"
#include "sandbox/kernel/capabilities.hpp"
#include "sandbox/kernel/seccomp.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::engine {

struct MountSpec {
    enum class Kind { bind, volume, tmpfs };
    Kind kind = Kind::bind;
    std::string source;       // bind: absolute host path; volume: its data path; tmpfs: empty
    std::string volume_name;  // volume: name
    std::string target;       // absolute path in the container, normalised
    bool read_only = false;
    bool exec = true;
    bool nosuid = true;
    bool recursive = true;
    bool create_source =
        false;          // -v only: a missing source directory is made (docker's way), said aloud
    bool seed = false;  // volume: empty and new: copy the image's content at target first
    std::uint64_t tmpfs_size_bytes = 0;  // 0: half of memory, the kernel's default
    mode_t tmpfs_mode = 01777;
    std::string tmpfs_options;  // the rest, already checked: "uid=…"
};

enum class NetworkMode { private_loopback, none, host };

struct IdentitySpec {
    kernel::ContainerId uid;
    kernel::ContainerId gid;
    std::vector<kernel::ContainerId> groups;  // exactly these; the primary gid is in it
    std::string home;
};

struct ContainerSpec {
    std::string id;  // 64 hex digits
    std::string name;
    std::string hostname;
    image::RootfsPlan rootfs;
    bool read_only_root = false;
    bool volatile_upper = true;  // one-shot: overlay's volatile option
    kernel::IdMap ids;
    IdentitySpec user;
    std::vector<std::string> argv;                           // never empty
    std::vector<std::string> env;                            // NAME=value, complete
    std::string working_dir;                                 // absolute; made inside when missing
    std::vector<MountSpec> mounts;                           // parents before children
    std::vector<std::pair<std::string, std::string>> hosts;  // name, address for /etc/hosts
    std::vector<std::string> dns_servers, dns_search, dns_options;  // for /etc/resolv.conf
    std::uint64_t shm_size_bytes = 64u << 20;
    NetworkMode network = NetworkMode::private_loopback;
    kernel::CapabilitySet capabilities = 0;  // bounding; effective too when uid is 0
    bool no_new_privileges = false;
    kernel::BpfProgram seccomp;                   // empty: unconfined
    std::vector<std::pair<int, rlimit>> rlimits;  // RLIMIT_*, complete
    std::uint64_t pids_limit = 2048;              // 0: none
    std::map<std::string, std::string> sysctls;
    bool init = true;          // our init is pid 1
    bool tty = false;          // a pty from the container's devpts
    bool interactive = false;  // stdin is passed on; otherwise /dev/null
    bool privileged = false;
    bool mask_paths = true;
    int stop_signal = 15;
    std::uint32_t stop_timeout_seconds = 10;
    std::vector<int> preserve_fds;  // 3, 4, …: given to the payload as they are
};

}  // namespace sandbox::engine
