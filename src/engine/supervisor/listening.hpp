// Which ports a container listens on, asked of the kernel from outside: op "listening" →
// {"ports": ["80/tcp", …]}. What is bound to the container's own loopback does not count, since
// nobody else can reach it.
#pragma once

#include <memory>

#include "engine/exec/namespace_fds.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

class LiveContainer;

// A diagnostic socket of the container's network namespace, made by a child that enters it.
[[nodiscard]] base::UniqueFd open_sock_diag_inside(const NamespaceFds& namespaces,
                                                   bool host_network);

void add_listening_operation(LiveContainer& container);

}  // namespace sandbox::engine
