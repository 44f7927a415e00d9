// Owners of a volume's files when containers with a range of ids and containers with emulated
// identities use it one after the other: marks (image/owner_mark.hpp) become real owners, and back.
#pragma once

#include "sandbox/engine/container_spec.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// Before a launch: its volumes have owners of the kind that it sees. What cannot be turned (the
// volume is used by a running container of the other kind; an account that has lost its range) is
// told by a line and stays. Must be called with one thread.
void settle_volume_owners(const store::Store& store, const ContainerSpec& spec);

}  // namespace sandbox::engine
