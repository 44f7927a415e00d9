#include "net/port_targets.hpp"

#include <utility>

namespace sandbox::net {

IpAddress address_inside(const ReachPolicy& policy, const IpAddress& client,
                         const IpAddress& target) {
    const IpAddress& gateway = target.is_v6() ? policy.gateway_v6 : policy.gateway_v4;
    // A link-local address means nothing without its link.
    const bool usable = client.family == target.family && !client.is_loopback() &&
                        !client.is_link_local() && client != target;
    return usable ? client : gateway;
}

PortTargets choose_targets(const ReachPolicy& policy, const IpAddress& client,
                           const Endpoint& target) {
    PortTargets targets{target, std::nullopt};
    const auto twin = policy.twins.find(target.address);
    if (twin == policy.twins.end()) return targets;
    targets.second = Endpoint{twin->second, target.port};
    if (client.family == twin->second.family && !client.is_loopback()) {
        std::swap(targets.first, *targets.second);
    }
    return targets;
}

}  // namespace sandbox::net
