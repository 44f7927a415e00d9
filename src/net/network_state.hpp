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
        AttachPlan plan;
        std::string port_link;  // the bridge's end
        bool linked = false;    // or only reserved: its names are not told yet
        std::vector<NamedAddresses> view;
    };
    NetworkPlan plan;     // subnets are decided here; subnet_v6 is absent without IPv6
    InsideKeeper keeper;  // first: ends last
    bool pending = false;
    base::UniqueFd netns;
    std::optional<NetlinkSocket> route;  // of the gateway's namespace
    InsideSockets sockets;
    std::map<std::uint32_t, Member> members;
    std::uint32_t next_id = 1;

    [[nodiscard]] IpAddress gateway_v4() const {
        return plan.gateway_v4 ? *plan.gateway_v4 : plan.subnet_v4->at(1);
    }
    [[nodiscard]] std::optional<IpAddress> gateway_v6() const;
    [[nodiscard]] World world() const;
    [[nodiscard]] IpAddress free_address(const Subnet& subnet) const;
    // Throws UsageError when a wished address is foreign or taken.
    void check_wish(const Subnet& subnet, const IpAddress& wish) const;
    [[nodiscard]] Attachment choose_addresses(const AttachPlan& wish) const;
    // The veth pair between the gateway and the container.
    void join_link(const Member& member, int netns_fd);
    void remove_port(const Member& member);
    [[nodiscard]] static int port_index(const Member& member) noexcept;
    [[nodiscard]] bool is_taken(const IpAddress& address) const;
    [[nodiscard]] bool is_gateway(const IpAddress& address) const;
};

}  // namespace sandbox::net
