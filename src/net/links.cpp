#include "net/links.hpp"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::net {
namespace {

constexpr int kCreate = NLM_F_CREATE | NLM_F_EXCL;

void request(NetlinkSocket& route, NetlinkMessage& message, std::string_view tried,
             const std::string& object) {
    if (route.is_collecting()) {
        return route.collect(message, std::string(tried) + " " + base::quote(object));
    }
    if (const int rc = route.try_request(message); rc < 0) {
        throw base::SysError(-rc, tried, base::quote(object));
    }
}

ifinfomsg link_header(int index) noexcept {
    ifinfomsg header{};
    header.ifi_family = AF_UNSPEC;
    header.ifi_index = index;
    return header;
}

std::string number(int index) {
    return std::to_string(index);
}

}  // namespace

std::optional<LinkInfo> try_find_link(NetlinkSocket& route, const std::string& name) {
    NetlinkMessage message(RTM_GETLINK, 0, link_header(0));
    message.put_text(IFLA_IFNAME, name);
    const std::vector<std::uint8_t> answer = route.query(message);
    constexpr size_t kHead = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(ifinfomsg));
    if (answer.size() < kHead) return std::nullopt;
    ifinfomsg header{};
    std::memcpy(&header, answer.data() + NLMSG_HDRLEN, sizeof header);
    LinkInfo info;
    info.index = header.ifi_index;
    for (size_t at = kHead; at + sizeof(nlattr) <= answer.size();) {
        nlattr attribute{};
        std::memcpy(&attribute, answer.data() + at, sizeof attribute);
        if (attribute.nla_len < sizeof attribute || at + attribute.nla_len > answer.size()) break;
        const std::uint8_t* value = answer.data() + at + NLA_HDRLEN;
        const size_t size = attribute.nla_len - static_cast<size_t>(NLA_HDRLEN);
        if (attribute.nla_type == IFLA_ADDRESS && size == info.mac.size()) {
            std::memcpy(info.mac.data(), value, size);
        } else if (attribute.nla_type == IFLA_MTU && size == sizeof info.mtu) {
            std::memcpy(&info.mtu, value, size);
        }
        at += static_cast<size_t>(NLA_ALIGN(attribute.nla_len));
    }
    return info;
}

LinkInfo find_link(NetlinkSocket& route, const std::string& name) {
    auto found = try_find_link(route, name);
    if (!found) throw base::SysError(ENODEV, "find the link", base::quote(name));
    return *found;
}

void add_bridge(NetlinkSocket& route, const std::string& name, std::uint32_t mtu,
                const std::optional<MacAddress>& mac, int index) {
    NetlinkMessage message(RTM_NEWLINK, kCreate, link_header(index));
    message.put_text(IFLA_IFNAME, name);
    message.put_u32(IFLA_MTU, mtu);
    if (mac) message.put(IFLA_ADDRESS, mac->data(), mac->size());
    const size_t info = message.begin_nest(IFLA_LINKINFO);
    message.put_text(IFLA_INFO_KIND, "bridge");
    message.end_nest(info);
    request(route, message, "make the bridge", name);
}

void add_veth(NetlinkSocket& route, const VethPlan& plan) {
    ifinfomsg header = link_header(plan.index);
    if (plan.up) header.ifi_flags = header.ifi_change = IFF_UP;
    NetlinkMessage message(RTM_NEWLINK, kCreate, header);
    message.put_text(IFLA_IFNAME, plan.name);
    message.put_u32(IFLA_MTU, plan.mtu);
    if (plan.master_index != 0) {
        message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(plan.master_index));
    }
    const size_t info = message.begin_nest(IFLA_LINKINFO);
    message.put_text(IFLA_INFO_KIND, "veth");
    const size_t data = message.begin_nest(IFLA_INFO_DATA);
    const size_t peer = message.begin_nest(VETH_INFO_PEER);
    // The peer cannot be up yet: to veth_open() in the kernel it has no partner at that point.
    header = link_header(plan.peer_index);
    message.append(&header, sizeof header);
    message.put_text(IFLA_IFNAME, plan.peer_name);
    message.put_u32(IFLA_MTU, plan.mtu);
    if (plan.peer_mac) message.put(IFLA_ADDRESS, plan.peer_mac->data(), plan.peer_mac->size());
    if (plan.peer_netns_fd >= 0) {
        message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(plan.peer_netns_fd));
    }
    message.end_nest(peer);
    message.end_nest(data);
    message.end_nest(info);
    request(route, message, "make the veth pair", plan.name);
}

void set_link_up(NetlinkSocket& route, int index, bool up) {
    ifinfomsg header = link_header(index);
    header.ifi_change = IFF_UP;
    header.ifi_flags = up ? IFF_UP : 0;
    NetlinkMessage message(RTM_NEWLINK, 0, header);
    request(route, message, up ? "bring up link" : "take down link", number(index));
}

void set_link_master(NetlinkSocket& route, int index, int master_index) {
    NetlinkMessage message(RTM_NEWLINK, 0, link_header(index));
    message.put_u32(IFLA_MASTER, static_cast<std::uint32_t>(master_index));
    request(route, message, "put under a bridge link", number(index));
}

void rename_link(NetlinkSocket& route, int index, const std::string& name) {
    NetlinkMessage message(RTM_NEWLINK, 0, link_header(index));
    message.put_text(IFLA_IFNAME, name);
    request(route, message, "rename a link to", name);
}

void move_link(NetlinkSocket& route, int index, int netns_fd) {
    NetlinkMessage message(RTM_NEWLINK, 0, link_header(index));
    message.put_u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(netns_fd));
    request(route, message, "move to another namespace link", number(index));
}

void remove_link(NetlinkSocket& route, int index) {
    NetlinkMessage message(RTM_DELLINK, 0, link_header(index));
    request(route, message, "remove link", number(index));
}

void remove_link_if_any(NetlinkSocket& route, const std::string& name) {
    const auto link = try_find_link(route, name);
    if (!link) return;
    try {
        remove_link(route, link->index);
    } catch (const base::SysError& error) {
        if (error.errnum() != ENODEV) throw;
    }
}

void add_address(NetlinkSocket& route, int index, const IpAddress& address, unsigned prefix) {
    ifaddrmsg header{};
    header.ifa_family = address.family;
    header.ifa_prefixlen = static_cast<std::uint8_t>(prefix);
    header.ifa_index = static_cast<std::uint32_t>(index);
    header.ifa_flags = address.is_v6() ? IFA_F_NODAD : 0;
    NetlinkMessage message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, header);
    message.put_address(IFA_LOCAL, address);
    message.put_address(IFA_ADDRESS, address);
    request(route, message, "add the address", address.str());
}

void add_route(NetlinkSocket& route, const Route& wanted) {
    rtmsg header{};
    header.rtm_family = wanted.to.base.family;
    header.rtm_dst_len = wanted.to.prefix;
    header.rtm_table = wanted.table < 256 ? static_cast<std::uint8_t>(wanted.table)
                                          : static_cast<std::uint8_t>(RT_TABLE_COMPAT);
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_scope = wanted.is_local  ? RT_SCOPE_HOST
                       : wanted.gateway ? RT_SCOPE_UNIVERSE
                                        : RT_SCOPE_LINK;
    header.rtm_type = wanted.is_local ? RTN_LOCAL : RTN_UNICAST;
    NetlinkMessage message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, header);
    if (wanted.to.prefix != 0) message.put_address(RTA_DST, wanted.to.base);
    if (wanted.gateway) message.put_address(RTA_GATEWAY, *wanted.gateway);
    if (wanted.link_index != 0) {
        message.put_u32(RTA_OIF, static_cast<std::uint32_t>(wanted.link_index));
    }
    message.put_u32(RTA_TABLE, wanted.table);
    request(route, message, "add the route to", wanted.to.str());
}

void add_mark_rule(NetlinkSocket& route, int family, std::uint32_t mark, std::uint32_t table) {
    fib_rule_hdr header{};
    header.family = static_cast<std::uint8_t>(family);
    header.table = static_cast<std::uint8_t>(table);
    header.action = FR_ACT_TO_TBL;
    NetlinkMessage message(RTM_NEWRULE, kCreate, header);
    message.put_u32(FRA_FWMARK, mark);
    message.put_u32(FRA_FWMASK, 0xffffffffu);
    request(route, message, "add the routing rule for mark", std::to_string(mark));
}

void add_neighbour(NetlinkSocket& route, int index, const IpAddress& address,
                   const MacAddress& mac) {
    ndmsg header{};
    header.ndm_family = address.family;
    header.ndm_ifindex = index;
    header.ndm_state = NUD_PERMANENT;
    NetlinkMessage message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, header);
    message.put_address(NDA_DST, address);
    message.put(NDA_LLADDR, mac.data(), mac.size());
    request(route, message, "add the neighbour", address.str());
}

}  // namespace sandbox::net
