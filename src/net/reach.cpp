#include "net/reach.hpp"

#include <algorithm>
#include <array>

namespace sandbox::net {
namespace {

// Cloud hosts' metadata services that are not link-local (AWS over IPv6, Alibaba, Azure).
constexpr std::array<const char*, 3> kMetadata{"fd00:ec2::254", "100.100.100.200", "168.63.129.16"};

bool is_metadata(const IpAddress& address) {
    static const auto list = [] {
        std::array<IpAddress, kMetadata.size()> parsed;
        for (size_t i = 0; i < kMetadata.size(); ++i) parsed[i] = *try_parse_address(kMetadata[i]);
        return parsed;
    }();
    return std::find(list.begin(), list.end(), address) != list.end();
}

bool is_never(const IpAddress& address) noexcept {
    // connect(2) to 0.0.0.0 or :: reaches the host's loopback; the rest is for nobody or for all.
    if (address.is_any() || address.is_loopback() || address.is_multicast()) return true;
    if (!address.is_v6()) return address.bytes[0] == 0 || address.bytes[0] >= 240;
    return unmapped(address) != address;  // a way around the rules for IPv4
}

}  // namespace

bool is_from_inside(const ReachPolicy& policy, const IpAddress& from) noexcept {
    return std::any_of(policy.inside.begin(), policy.inside.end(),
                       [&](const Subnet& subnet) { return subnet.contains(from); }) &&
           from != policy.gateway_v4 && from != policy.gateway_v6;
}

Reach decide_reach(const ReachPolicy& policy, const IpAddress& from, const Endpoint& to) {
    static const Opened kNothing;
    const auto found = policy.opened.find(from);
    const Opened& opened = found == policy.opened.end() ? kNothing : found->second;
    const auto has = [&](const std::vector<std::uint16_t>& ports) {
        return std::find(ports.begin(), ports.end(), to.port) != ports.end();
    };
    const bool to_gateway =
        to.address == policy.gateway_v4 || (to.address == policy.gateway_v6 && to.address.is_v6());
    if (to_gateway) {
        if (!has(policy.host_ports) && !has(opened.host_ports)) {
            return {Reach::Answer::refused, {}};
        }
        IpAddress loopback;
        loopback.bytes = {127, 0, 0, 1};
        return {Reach::Answer::go, {loopback, to.port}};
    }
    if (policy.internal) return {Reach::Answer::no_route, {}};
    if (is_never(to.address)) return {};
    const bool link_local = policy.link_local || opened.link_local;
    if (!link_local && (to.address.is_link_local() || is_metadata(to.address))) return {};
    return {Reach::Answer::go, to};
}

}  // namespace sandbox::net
