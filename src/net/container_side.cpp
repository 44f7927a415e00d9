#include "net/container_side.hpp"

#include <sys/socket.h>

#include <cerrno>

#include "net/links.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::net {
namespace {

void prepare_container(NetlinkSocket& route) {
    set_link_up(route, find_link(route, "lo").index, true);
    // Users inside are all the container's own: any of them may have any port, and ping.
    set_net_sysctl("ipv4/ip_unprivileged_port_start", "0");
    // A client of many short connections to one server would be out of ports after 28,000 in a
    // minute. The kernel's own default does the same on the host's loopback.
    set_net_sysctl("ipv4/tcp_tw_reuse", "1");
    // icmp(7): EINVAL for groups that the namespace does not have; with none at all, none may ping.
    for (const char* range : {"0 65535", "0 65534", "0 0"}) {
        const int rc = try_set_net_sysctl("ipv4/ping_group_range", range);
        if (rc == 0) break;
        if (rc != -EINVAL) throw base::SysError(-rc, "set net/ipv4/ping_group_range");
    }
}

void add_default_routes(NetlinkSocket& route, int index, const Attachment& attachment,
                        const ProjectNetwork::Impl& network) {
    add_route(route, {whole_family(AF_INET), network.gateway_v4(), index});
    if (attachment.address_v6) {
        add_route(route, {whole_family(AF_INET6), network.gateway_v6(), index});
    }
}

void configure_link(NetlinkSocket& route, int index, const AttachPlan& plan,
                    const Attachment& attachment, const ProjectNetwork::Impl& network) {
    set_link_up(route, index, true);
    add_address(route, index, attachment.address_v4, network.plan.subnet_v4->prefix);
    if (attachment.address_v6) {
        add_address(route, index, *attachment.address_v6, network.plan.subnet_v6->prefix);
    }
    if (plan.default_route) add_default_routes(route, index, attachment, network);
}

}  // namespace

Subnet whole_family(int family) {
    Subnet subnet;
    subnet.base.family = static_cast<std::uint8_t>(family);
    return subnet;
}

void configure_inside(int netns_fd, const AttachPlan& plan, const Attachment& attachment,
                      const ProjectNetwork::Impl& network) {
    (void)make_inside(netns_fd, [&] {
        NetlinkSocket inside = NetlinkSocket::open(NETLINK_ROUTE);
        if (!plan.prepared) {
            set_net_sysctl("ipv6/conf/default/accept_dad", "0");
            set_net_sysctl("ipv6/conf/all/disable_ipv6", network.plan.subnet_v6 ? "0" : "1");
            prepare_container(inside);
        }
        const LinkInfo link = find_link(inside, plan.link_name);
        inside.start_batch();
        configure_link(inside, link.index, plan, attachment, network);
        inside.finish_batch();
        return Descriptors{};
    });
}

void remove_former_link(int netns_fd, const std::string& name) {
    (void)make_inside(netns_fd, [&] {
        NetlinkSocket inside = NetlinkSocket::open(NETLINK_ROUTE);
        remove_link_if_any(inside, name);
        return Descriptors{};
    });
}

void lead_out_inside(int netns_fd, const AttachPlan& plan, const Attachment& attachment,
                     const ProjectNetwork::Impl& network) {
    (void)make_inside(netns_fd, [&] {
        NetlinkSocket inside = NetlinkSocket::open(NETLINK_ROUTE);
        const LinkInfo link = find_link(inside, plan.link_name);
        inside.start_batch();
        add_default_routes(inside, link.index, attachment, network);
        inside.finish_batch();
        return Descriptors{};
    });
}

std::vector<std::uint8_t> inside_batch(const AttachPlan& plan, const Attachment& attachment,
                                       const ProjectNetwork::Impl& network) {
    NetlinkSocket batch{base::UniqueFd()};
    batch.start_batch();
    configure_link(batch, plan.link_index, plan, attachment, network);
    return batch.take_batch();
}

void prepare_lonely(int netns_fd) {
    (void)make_inside(netns_fd, [] {
        NetlinkSocket inside = NetlinkSocket::open(NETLINK_ROUTE);
        prepare_container(inside);
        return Descriptors{};
    });
}

}  // namespace sandbox::net
