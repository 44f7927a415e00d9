// What of an entry's owner and mode the tree can hold under an id map.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "image/tar_reader.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::image {

struct KeptOwner {
    uid_t uid = 0;
    gid_t gid = 0;
    // What of the tar's owner is lost in the tree: nothing; it belongs to the one id that there is
    // (single mode); it has no place in the map.
    enum class Loss { none, single, outside } loss = Loss::none;
    [[nodiscard]] bool is_root() const noexcept { return uid == 0 && gid == 0; }
};
[[nodiscard]] KeptOwner kept_owner(const kernel::IdMap& ids, const TarEntry& entry) noexcept;

// A setuid program of an owner that has no place must not become one of root.
[[nodiscard]] mode_t kept_mode(const TarEntry& entry, const KeptOwner& owner) noexcept;

}  // namespace sandbox::image
