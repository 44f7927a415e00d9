// What -v, --mount and --tmpfs mean: text to MountSpec, docker's grammar. Pure: nothing is looked
// up on the host but the working directory for "./x".
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/engine/container_spec.hpp"

namespace sandbox::engine {

// A mount as wished: a volume has no data path yet, and without a name it is anonymous. `seed` says
// that the image's content may be copied in (docker's nocopy turns it off).
struct MountWish {
    MountSpec spec;
    std::map<std::string, std::string> volume_labels;
    std::string typed;                 // for messages
    std::vector<std::string> notices;  // what was accepted without effect, and why
};

// `current_dir`: absolute, for relative host paths. Each throws UsageError (125).
[[nodiscard]] MountWish parse_volume_flag(std::string_view text, const std::string& current_dir);
[[nodiscard]] MountWish parse_mount_flag(std::string_view text, const std::string& current_dir);
[[nodiscard]] MountWish parse_tmpfs_flag(std::string_view text);

// Normalised target. Throws when it is not absolute, is "/", or belongs to the launch (/proc, /sys,
// /dev and the devices that are made there).
[[nodiscard]] std::string check_mount_target(std::string_view target, std::string_view flag,
                                             std::string_view typed);
// Whether that path of the host is a device which every container has there, too.
[[nodiscard]] bool is_own_device(std::string_view path);
// Parents before children, in the order given otherwise. Throws "duplicate mount destination".
void sort_mounts(std::vector<MountWish>& mounts);

}  // namespace sandbox::engine
