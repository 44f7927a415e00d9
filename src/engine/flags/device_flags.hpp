// What --device means: a device of the host, bound into the container. Who may open it the host's
// kernel decides, as for every other program of the caller's: there is no cgroup rule that would
// allow less.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/flags/mount_flags.hpp"

namespace sandbox::engine {

// docker's grammar, PATH[:PATH[:rwm]]. A directory stands for the devices in it, all the way down;
// devices that every container has are nothing to do. Looks at the host. Throws UsageError (125).
[[nodiscard]] std::vector<MountWish> parse_device_flag(std::string_view text);

// "rwm" where nothing was said. Throws UsageError.
struct DeviceWords {
    std::string host, container, permissions;
};
[[nodiscard]] DeviceWords split_device_flag(std::string_view text);

// Why the container will not be able to open that device although it was asked for; empty: it will,
// as far as is known. `keeps_groups`: the payload has the caller's supplementary groups.
[[nodiscard]] std::string why_closed(const std::string& host_path, bool keeps_groups);

}  // namespace sandbox::engine
