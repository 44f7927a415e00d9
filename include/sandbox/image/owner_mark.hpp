// Whom a file belongs to, where the kernel knows one owner only: an attribute of the file itself,
// "uid:gid". A file without it belongs to whoever it seems to. Emulated identities
// (engine/identity) set it and show it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sandbox/image/rootfs.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::image {

inline constexpr const char* kOwnerAttribute = "user.sandbox.owner";

struct FileOwner {
    std::uint32_t uid = 0, gid = 0;
    // S_IFCHR or S_IFBLK: it is to be shown as that device; in truth it is a socket of no use.
    std::uint32_t device = 0, device_major = 0, device_minor = 0;
    auto operator<=>(const FileOwner&) const = default;
};
[[nodiscard]] std::optional<FileOwner> parse_file_owner(std::string_view text);
// Ids only: devices stand in tables (owner_table.hpp).
[[nodiscard]] std::string format_file_owner(const FileOwner& owner);
// Of an open file; absent: not marked.
[[nodiscard]] std::optional<FileOwner> read_owner_mark(int fd);

// Marks the files and directories of the image's layers (mode single) as their tars said, and
// notes the owners of its links. Once for each layer: nothing to do afterwards. A layer that cannot
// be marked is told by a line.
void mark_layer_owners(const store::Store& store, const RootfsPlan& plan);

}  // namespace sandbox::image
