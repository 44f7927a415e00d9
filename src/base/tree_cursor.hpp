// Stands in one directory of a tree and goes down and up, at any depth, with a bounded number of
// descriptors. Never follows a link, never crosses a mount.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::base {

class TreeCursor {
  public:
    // Borrowed; must outlive the cursor.
    explicit TreeCursor(int base_dir_fd) noexcept : base_fd_(base_dir_fd) {}

    [[nodiscard]] int fd() const noexcept {
        return levels_.empty() ? base_fd_ : levels_.back().fd.get();
    }
    [[nodiscard]] size_t depth() const noexcept { return levels_.size(); }
    // 0, or -errno: EACCES when it is not readable, EXDEV when something is mounted there.
    [[nodiscard]] int enter(const std::string& name);
    // Throws Error when the directory was moved elsewhere meanwhile.
    void leave();

  private:
    struct Level {
        UniqueFd fd;  // empty while far above the present one
        dev_t device = 0;
        ino_t inode = 0;
    };
    int base_fd_;
    std::vector<Level> levels_;
};

}  // namespace sandbox::base
