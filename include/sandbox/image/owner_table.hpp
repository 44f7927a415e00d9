// Owners of what cannot carry a mark (owner_mark.hpp): links, sockets, devices, and what lies on a
// file system without attributes. By inode and time of birth, one line each in a file beside the
// tree: "inode seconds nanoseconds uid gid", for a device and "c major minor". The last line of
// a file counts.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "sandbox/image/owner_mark.hpp"

namespace sandbox::image {

struct FileBirth {
    std::uint64_t inode = 0;
    std::int64_t seconds = 0;  // all 0 where the file system does not know it
    std::uint32_t nanoseconds = 0;
    auto operator<=>(const FileBirth&) const = default;
};
using OwnerTable = std::map<FileBirth, FileOwner>;

// Lines that make no sense are left out.
[[nodiscard]] OwnerTable parse_owner_table(std::string_view text);
[[nodiscard]] std::string owner_table_line(const FileBirth& birth, const FileOwner& owner);
// Of a container, from its directory; empty: none, or one that cannot be read.
[[nodiscard]] OwnerTable load_owner_table(int container_dir_fd);
// Links of the image's layers, as mark_layer_owners() has found them.
[[nodiscard]] OwnerTable layer_owner_table(const store::Store& store, const RootfsPlan& plan);
// Below an open directory, or with an empty name itself; links are not followed. False: not there.
[[nodiscard]] bool look_at_birth(int dir_fd, const char* name, FileBirth& birth) noexcept;

inline constexpr const char* kOwnerTableName = "owners";

}  // namespace sandbox::image
