// How full the store's disk is, and how its fullness is told.
#pragma once

#include <cstdint>
#include <string>

#include "sandbox/base/error.hpp"

namespace sandbox::image {

struct DiskSpace {
    std::uint64_t available_bytes = 0;
    std::uint64_t reserve_bytes = 0;  // what an unpack leaves free: 256 MiB, less on small disks
};
[[nodiscard]] DiskSpace disk_space(int fd);
class NoSpaceError : public base::Error {
  public:
    explicit NoSpaceError(const std::string& what);
};
// Did `error` come from a full disk (or quota)?
[[nodiscard]] bool is_full_disk(const base::Error& error, int fd) noexcept;

}  // namespace sandbox::image
