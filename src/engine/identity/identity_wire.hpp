// What the supervisor tells the identity process: a filter's listener, riding along, and who the
// first process behind it is.
#pragma once

#include <optional>

#include "engine/identity/credentials.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

struct NewListener {
    base::UniqueFd fd;
    Credentials first;
};
// Throws SysError. Groups beyond 1024 are left out.
void send_listener(int control_fd, int listener_fd, const Credentials& first);
// Absent: end of file. Blocks.
[[nodiscard]] std::optional<NewListener> receive_listener(int control_fd);

}  // namespace sandbox::engine
