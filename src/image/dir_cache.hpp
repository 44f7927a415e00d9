// Directories of the tree that is being unpacked, by path. The tree is the process's root (or is
// looked up in-root): symlinks in the middle of a path are resolved inside it, never outside.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::image {

class DirCache {
  public:
    // `root_fd` is borrowed. `implied` is told the path (without symlinks) of each directory that
    // had to be made on the way; `uncovered` of one that was made in place of a hide mark.
    struct Events {
        std::function<void(const std::string&)> implied;
        std::function<void(int dir_fd)> uncovered;
    };
    DirCache(int root_fd, Events events);

    // Borrowed O_PATH descriptor, good until the next call of any function. Makes missing
    // directories (0755). Throws IntegrityError when something on the way is no directory or the
    // links go in circles, SysError otherwise.
    [[nodiscard]] int open(std::string_view clean_path);
    // Absent (-1) when it does not exist; makes nothing.
    [[nodiscard]] int try_open(std::string_view clean_path);
    // A directory was removed: forget all that could point into it.
    void forget() noexcept;

  private:
    struct Slot {
        std::string path;
        base::UniqueFd fd;
        std::uint64_t used = 0;
    };
    [[nodiscard]] Slot* find(std::string_view path) noexcept;
    int remember(std::string_view path, base::UniqueFd fd);
    [[nodiscard]] int direct(const char* path) const noexcept;

    int root_fd_;
    Events events_;
    std::uint64_t clock_ = 0;
    std::array<Slot, 16> slots_;
};

}  // namespace sandbox::image
