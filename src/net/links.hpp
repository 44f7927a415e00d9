// Links, addresses, routes and rules through an rtnetlink socket. rtnetlink(7). All throw SysError
// that names the link. Not for: deciding what a network looks like (project_network.cpp).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "net/netlink.hpp"
#include "sandbox/net/address.hpp"

namespace sandbox::net {

struct LinkInfo {
    int index = 0;
    MacAddress mac{};
    std::uint32_t mtu = 0;
};
[[nodiscard]] std::optional<LinkInfo> try_find_link(NetlinkSocket& route, const std::string& name);
[[nodiscard]] LinkInfo find_link(NetlinkSocket& route, const std::string& name);

// `mac`: fixed; otherwise a bridge takes one of its ports' and changes it as ports come and go.
void add_bridge(NetlinkSocket& route, const std::string& name, std::uint32_t mtu,
                const std::optional<MacAddress>& mac = std::nullopt, int index = 0);
struct VethPlan {
    std::string name;
    std::string peer_name;
    int peer_netns_fd = -1;  // -1: the peer stays in the same namespace
    std::uint32_t mtu = 1500;
    bool up = false;  // this end; the peer is down at first
    int master_index = 0;
    // 0: whatever is free. The kernel takes that of the peer only when both are given.
    int index = 0;
    int peer_index = 0;
    std::optional<MacAddress> peer_mac{};
};
void add_veth(NetlinkSocket& route, const VethPlan& plan);
void set_link_up(NetlinkSocket& route, int index, bool up);
void set_link_master(NetlinkSocket& route, int index, int master_index);
void rename_link(NetlinkSocket& route, int index, const std::string& name);
void move_link(NetlinkSocket& route, int index, int netns_fd);
void remove_link(NetlinkSocket& route, int index);
// It may be gone already: a veth pair dies with either end's namespace, whenever the kernel likes.
void remove_link_if_any(NetlinkSocket& route, const std::string& name);

// An existing address is fine. IPv6 addresses are usable at once (IFA_F_NODAD).
void add_address(NetlinkSocket& route, int index, const IpAddress& address, unsigned prefix);
struct Route {
    Subnet to;                         // prefix 0 of its family: the default route
    std::optional<IpAddress> gateway;  // absent: directly on the link
    int link_index = 0;
    std::uint32_t table = 254;  // RT_TABLE_MAIN
    bool is_local = false;      // RTN_LOCAL: for this host, whatever the address
};
void add_route(NetlinkSocket& route, const Route& wanted);
// Packets that carry `mark` are looked up in `table`.
void add_mark_rule(NetlinkSocket& route, int family, std::uint32_t mark, std::uint32_t table);
void add_neighbour(NetlinkSocket& route, int index, const IpAddress& address,
                   const MacAddress& mac);

}  // namespace sandbox::net
