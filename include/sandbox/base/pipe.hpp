// pipe(2) with owners.
#pragma once

#include <cstddef>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::base {

struct Pipe {
    UniqueFd read_end;
    UniqueFd write_end;
};
// Both ends close-on-exec. `size_bytes`: how much it shall hold; 0, or more than the user may have
// (pipe(7), pipe-user-pages-soft): the kernel's default. Throws SysError.
[[nodiscard]] Pipe make_pipe(std::size_t size_bytes = 0);

}  // namespace sandbox::base
