// Paths inside the container's root, before it is our root: links are followed by hand and never
// lead out; what is missing is made. Races (a volume shared with a running container) can make
// this fail, never leave the root: every open refuses links.
#pragma once

#include "child/mount_api.hpp"

namespace sandbox::engine::child {

inline constexpr std::size_t kMaxPath = 4096;

// openat2(2) beneath root_fd, refusing links; a final link itself is opened with
// O_PATH|O_NOFOLLOW. `path` is relative, without "..".
int open_plain(int root_fd, const char* path, int flags) noexcept;

enum class Want { directory, file, anything };

struct Target {
    int parent_fd = -1;  // the caller closes it
    char name[256] = {};
    char path[kMaxPath] = {};  // resolved, without a leading slash; "" is the root itself
    bool is_directory = false;
    bool made = false;  // the last component was missing
    [[nodiscard]] Place place() const noexcept { return {parent_fd, name}; }
};

// Resolves `path` below root_fd; missing directories are made (0755), and the last component as
// wanted. Answers 0 or -errno; -EISDIR/-ENOTDIR when the last component is not what is wanted.
int resolve_or_make(int root_fd, const char* path, Want want, Target& target) noexcept;

// A real directory `name` directly below root_fd: a link or a file in its place is replaced.
int make_real_directory(int root_fd, const char* name, mode_t mode) noexcept;

}  // namespace sandbox::engine::child
