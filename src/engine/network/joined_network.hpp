// --network container:NAME: the network namespace of another container that runs. A network
// namespace belongs to a user namespace, and who has no rights there cannot go in; so the container
// is made in the other one's user namespace, too, and the two are as one towards each other's
// processes' rights, though each has its own mounts and processes.
#pragma once

#include <string>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/engine/container_spec.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

struct JoinedNetwork {
    base::UniqueFd user, network;
};

// Completes the spec: name server and hosts, as the other container's. Throws Error when that does
// not run, or has other ids.
[[nodiscard]] JoinedNetwork open_joined_network(const store::Store& store, ContainerSpec& spec);

// As ChildProcess::clone(), in those namespaces: by a process in between that goes there. The child
// is the caller's.
[[nodiscard]] kernel::ChildProcess clone_joined(const JoinedNetwork& joined,
                                                std::uint64_t namespace_flags);

}  // namespace sandbox::engine
