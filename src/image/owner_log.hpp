// Owners that the tree itself cannot hold: "uid gid path\0" records in a file beside it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox::image {

class OwnerLog {
  public:
    explicit OwnerLog(int fd) noexcept : fd_(fd) {}  // borrowed; -1: nothing is kept
    void record(std::uint64_t uid, std::uint64_t gid, std::string_view path);
    void flush();

  private:
    int fd_;
    std::string buffer_;
};

}  // namespace sandbox::image
