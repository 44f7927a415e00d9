// The whole of a network, tried. Not a door.
#pragma once

#include "sandbox/kernel/probe.hpp"

namespace sandbox::net {

// Makes a network for one, as a container's is, and connects from in it to a socket on the host.
[[nodiscard]] kernel::Ability probe_way();

}  // namespace sandbox::net
