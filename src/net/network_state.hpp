// What the network and its gateway share.
#pragma once

#include <map>
#include <set>

#include "net/helper.hpp"
#include "net/inside_sockets.hpp"
#include "net/namespace_entry.hpp"
#include "net/netlink.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/net/project_network.hpp"

namespace sandbox::net {

struct ProjectNetwork::Impl {
    struct Member {
        Attachment attachment;
        std::vector<std::string> names;
        std::string port_link;  // the bridge's end
    };
    NetworkPlan plan;     // subnets are decided here; subnet_v6 is absent without IPv6
    InsideKeeper keeper;  // first: ends last
    bool pending = false;
    base::UniqueFd netns;
    std::optional<NetlinkSocket> route;  // of the gateway's namespace
    InsideSockets sockets;
    std::map<std::uint32_t, Member> members;
    std::uint32_t next_id = 1;

    [[nodiscard]] IpAddress gateway_v4() const { return plan.subnet_v4->at(1); }
    [[nodiscard]] std::optional<IpAddress> gateway_v6() const;
    [[nodiscard]] World world() const;
    [[nodiscard]] IpAddress free_address(const Subnet& subnet) const;
    // Throws UsageError when a wished address is foreign or taken.
    void check_wish(const Subnet& subnet, const IpAddress& wish) const;
    [[nodiscard]] Attachment choose_addresses(const AttachPlan& wish) const;
    // The veth pair between the gateway and the container.
    void join_link(const AttachPlan& wish, const std::string& link);
    [[nodiscard]] bool is_taken(const IpAddress& address) const;
};

// A subnet for IPv4 that none of the routes in `proc_net_route` (the text of /proc/net/route)
// overlaps. Pure.
[[nodiscard]] Subnet choose_subnet(std::string_view proc_net_route);

}  // namespace sandbox::net
