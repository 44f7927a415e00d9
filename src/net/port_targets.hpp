// Where in a container a published port's client is led to, and what it is called there. Pure.
#pragma once

#include <optional>

#include "net/reach.hpp"

namespace sandbox::net {

// What a client is called inside: its own address; the gateway's where that address could not be
// answered (the host's loopback, another family than the target's).
[[nodiscard]] IpAddress address_inside(const ReachPolicy& policy, const IpAddress& client,
                                       const IpAddress& target);

struct PortTargets {
    Endpoint first;
    std::optional<Endpoint> second;  // for who is refused at the first
};
// The container's address of the client's family, so that the client can keep its own; the other
// one for a service that does not listen there.
[[nodiscard]] PortTargets choose_targets(const ReachPolicy& policy, const IpAddress& client,
                                         const Endpoint& target);

}  // namespace sandbox::net
