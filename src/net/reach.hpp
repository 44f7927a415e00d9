// Where a container may go through the gateway. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "sandbox/net/address.hpp"

namespace sandbox::net {

// What one container may do besides, by its address.
struct Opened {
    std::vector<std::uint16_t> host_ports;  // of the host's loopback, at the gateway's address
    bool link_local = false;
};

struct ReachPolicy {
    IpAddress gateway_v4;
    IpAddress gateway_v6;   // 0.0.0.0 when the network has no IPv6
    bool internal = false;  // nothing outside
    bool link_local = false;
    std::vector<std::uint16_t> host_ports;  // of the host's loopback, at the gateway's address
    std::vector<Subnet> inside;
    // The same container's addresses in both families.
    std::map<IpAddress, IpAddress> twins;
    std::map<IpAddress, Opened> opened;
};

// A container that may write its own packets may also lie about who it is.
[[nodiscard]] bool is_from_inside(const ReachPolicy& policy, const IpAddress& from) noexcept;

struct Reach {
    enum class Answer { go, refused, prohibited, no_route } answer = Answer::prohibited;
    Endpoint to;  // go only: what to connect to on the host
};
[[nodiscard]] Reach decide_reach(const ReachPolicy& policy, const IpAddress& from,
                                 const Endpoint& to);

}  // namespace sandbox::net
