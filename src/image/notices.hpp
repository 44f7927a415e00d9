// What an unpack left out or changed, counted by kind, so that a layer with a million device nodes
// still makes one line.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::image {

enum class NoticeKind {
    device,
    socket,
    owner_outside_map,
    setuid_dropped,
    overlay_xattr,
    xattr_dropped,
    xattr_refused,
    file_capability,
    aufs_metadata,
    count,  // how many there are
};

class Notices {
  public:
    // `detail`: what exactly, already quoted; kept for the first of a kind only.
    void add(NoticeKind kind, std::string_view path, std::string_view detail = {});
    [[nodiscard]] std::vector<std::string> lines() const;

  private:
    struct Counter {
        std::uint64_t count = 0;
        std::string first;
    };
    std::array<Counter, static_cast<size_t>(NoticeKind::count)> counters_;
};

}  // namespace sandbox::image
