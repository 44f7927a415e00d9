// A path of a trapped call → a descriptor of the file it means, found as the process itself would
// find it: in its own root, from its own directory, and through no magic link of /proc but its own
// descriptors.
#pragma once

#include <string>
#include <string_view>

#include "engine/identity/trapped_process.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

struct PathWish {
    int dir_fd = 0;  // the process's: AT_FDCWD or a number
    std::string path;
    bool follow = true;        // the last component, when it is a link
    bool allow_empty = false;  // AT_EMPTY_PATH: dir_fd itself
};

struct FoundFile {
    base::UniqueFd fd;  // O_PATH; empty: `error`
    int error = 0;      // -errno; -ELOOP as well for what only the process itself can follow
};

// By a name that programs have for them: "/dev/stdin", "/proc/self/fd/3".
[[nodiscard]] bool names_own_descriptor(std::string_view path);

// The process's own descriptor, or its working directory (AT_FDCWD), as O_PATH; empty: none such.
[[nodiscard]] base::UniqueFd open_own(const TrappedProcess& process, int fd);

// `own_root`: the process may have another root than the container's, which is ours.
[[nodiscard]] FoundFile look_up(const TrappedProcess& process, bool own_root, const PathWish& wish);

}  // namespace sandbox::engine
