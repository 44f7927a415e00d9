// What --device means: a device of the host, bound into the container. Who may open it the host's
// kernel decides, as for every other program of the caller's: there is no cgroup rule that would
// allow less.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/flags/mount_flags.hpp"

namespace sandbox::engine {

// "rwm" where nothing was said. Throws UsageError.
struct DeviceWords {
    std::string host, container, permissions;
};
[[nodiscard]] DeviceWords split_device_flag(std::string_view text);

// docker's grammar, PATH[:PATH[:rwm]]. A directory stands for the devices in it, all the way down,
// as far as they are there at a start; those that every container has are nothing to do. Looks at
// the host. Throws UsageError (125).
[[nodiscard]] std::vector<MountWish> parse_device_flag(std::string_view text);

// Who the payload is for the host's kernel.
struct HostIdentity {
    uid_t uid = 0;
    std::vector<gid_t> groups;  // the primary one, too
};
[[nodiscard]] HostIdentity host_identity(const ContainerSpec& spec);
// Why that payload will not be able to open the device as this account can; empty: it will, as far
// as is known (what access lists say is not looked at).
[[nodiscard]] std::string why_closed(const std::string& host_path, const HostIdentity& payload);

}  // namespace sandbox::engine
