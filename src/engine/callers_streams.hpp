// A payload that has its caller's own descriptors as 0, 1 and 2, and users whose ids are not the
// caller's: may they open /dev/stdin, /dev/stdout and /dev/stderr anew, as the images of nginx and
// others do? Not for: pipes of our own (supervisor/payload_pipes.cpp).
#pragma once

#include "sandbox/engine/container_spec.hpp"

namespace sandbox::engine {

// Lets all users of the container open it anew, where that takes nothing but the mode of a pipe
// which is the caller's. False: it cannot be opened by them as it is. Terminals stay as they are.
bool share_input(int fd) noexcept;
bool share_output(int fd) noexcept;

// Under two names, as after 2>&1.
[[nodiscard]] bool is_same_file(int a_fd, int b_fd) noexcept;

// Its users have other ids on the host than the caller.
[[nodiscard]] inline bool has_own_ids(const kernel::IdMap& ids) noexcept {
    return ids.mode == kernel::IdMode::range;
}

}  // namespace sandbox::engine
