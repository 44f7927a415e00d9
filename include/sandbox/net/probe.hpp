// What this host permits of networks, found out by trying it; each "no" with the cure. Slow (forks,
// and a connection through a gateway); only `doctor` asks.
#pragma once

#include <vector>

#include "sandbox/kernel/probe.hpp"

namespace sandbox::net {

// The whole first: a container's connection through a gateway. Then the kernel's parts for it, then
// what is good to have. None is marked as needed, since containers run without a network, too.
// Must be called in a process with one thread. Throws nothing but std::bad_alloc.
[[nodiscard]] std::vector<kernel::Ability> probe_network();

}  // namespace sandbox::net
