// The option words that -v, --mount and --tmpfs share.
#pragma once

#include <string_view>

#include "engine/flags/mount_flags.hpp"

namespace sandbox::engine {

// "ro", "rw", "readonly", "exec", "noexec", "suid", "nosuid", "nodev". False when it is another
// word.
bool apply_common_option(MountSpec& spec, std::string_view word);
// "rprivate", "rslave", … for a bind. False when it is no propagation word; throws for shared ones.
bool apply_propagation(MountWish& mount, std::string_view word, std::string_view flag,
                       std::string_view typed);
// One option of a tmpfs ("size=64m", "mode=1770", "uid=0", "noexec"). False: unknown.
bool apply_tmpfs_option(MountSpec& spec, std::string_view option, std::string_view flag,
                        std::string_view typed);

}  // namespace sandbox::engine
