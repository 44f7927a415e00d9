// Theory. One user and network namespace per project network holds the bridge, or the link of the
// one container. All that happens in it happens by descriptors: its netlink socket, and the sockets
// that the helper works with. A child makes them, in one go, while the caller does something else,
// and then only keeps them. Containers' namespaces belong to user namespaces of their own. Their
// links are made from here, outside, by whoever owns all these user namespaces: see
// NetlinkSocket::send().
#include "sandbox/net/project_network.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/container_side.hpp"
#include "net/links.hpp"
#include "net/network_state.hpp"
#include "net/ruleset.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/probe.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;

// What a veth link can carry at most: big segments cost least.
constexpr std::uint32_t kMtu = 65535;
// Indices of the bridge's ports: above its own.
constexpr int kFirstPort = 1000;

std::vector<IpAddress> addresses_of(const Attachment& attachment) {
    std::vector<IpAddress> addresses{attachment.address_v4};
    if (attachment.address_v6) addresses.push_back(*attachment.address_v6);
    return addresses;
}

// Both, since an outer container may mask /proc/sys, and ipv6.disable=1 leaves no sockets.
bool has_ipv6() {
    return base::exists_at(AT_FDCWD, "/proc/sys/net/ipv6") &&
           UniqueFd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)).valid();
}

void set_gateway_sysctls(bool bridge) {
    // The kernel asks both "all" and the link; links that are made later inherit "default".
    for (const char* name :
         {"ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter", "ipv4/ip_forward",
          "ipv6/conf/default/accept_dad", "ipv6/conf/default/accept_ra",
          "ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6"}) {
        set_net_sysctl(name, "0");
    }
    // Published ports: connections from here to a container, all from few addresses. By default a
    // minute of 1,000 short ones a second would use up the ports that wait for their TIME_WAIT.
    set_net_sysctl("ipv4/tcp_tw_reuse", "1");
    set_net_sysctl("ipv4/ip_local_port_range", "1024 65535");
    // A virtual link has no bottleneck to be found: pacing (bbr, where it is the host's default)
    // only costs. What goes on from here on the host has the host's own.
    set_net_sysctl("ipv4/tcp_congestion_control", "reno");
    if (!bridge) return;
    for (const char* name : {"bridge/bridge-nf-call-iptables", "bridge/bridge-nf-call-ip6tables",
                             "bridge/bridge-nf-call-arptables"}) {
        set_net_sysctl(name, "0");
    }
}

// The gateway's own addresses, on the link that leads to containers.
void add_gateway_addresses(NetlinkSocket& route, const ProjectNetwork::Impl& network) {
    add_address(route, kGatewayIndex, network.gateway_v4(), network.plan.subnet_v4->prefix);
    if (const auto v6 = network.gateway_v6()) {
        add_address(route, kGatewayIndex, *v6, network.plan.subnet_v6->prefix);
    }
}

void build_links(NetlinkSocket& route, const ProjectNetwork::Impl& network) {
    route.start_batch();
    set_link_up(route, kLoopbackIndex, true);
    if (!network.plan.lone) {
        add_bridge(route, kGatewayLink, kMtu, random_mac(), kGatewayIndex);
        set_link_up(route, kGatewayIndex, true);
        add_gateway_addresses(route, network);
    }
    // Whatever is not a container's is for us. Sources outside of the subnet are "martian" by that,
    // too (IPv4).
    const bool v6 = network.gateway_v6().has_value();
    for (const int family : {AF_INET, AF_INET6}) {
        if (family == AF_INET6 && !v6) continue;
        add_route(route, {whole_family(family), {}, kLoopbackIndex, RT_TABLE_MAIN, true});
    }
    try {
        route.finish_batch();
    } catch (base::SysError& error) {
        if (error.errnum() == EOPNOTSUPP && !network.plan.lone) {
            error.set_hint("this kernel has no bridges (module bridge): use --network private");
        }
        throw;
    }
}

// In the new namespace. Order: netns, route socket, then each family's sockets.
Descriptors build_gateway(const ProjectNetwork::Impl& network) {
    set_gateway_sysctls(!network.plan.lone);
    NetlinkSocket route = NetlinkSocket::open(NETLINK_ROUTE);
    build_links(route, network);
    NetlinkSocket netfilter = NetlinkSocket::open(NETLINK_NETFILTER);
    install_table(netfilter, "gateway",
                  {make_gateway_chain(network.gateway_v4(), network.gateway_v6())});
    Descriptors fds;
    fds.push_back(open_own_netns());
    fds.push_back(UniqueFd(base::raw::fcntl(route.fd(), F_DUPFD_CLOEXEC, 3)));
    for (UniqueFd& fd : open_family_sockets(network.gateway_v4())) fds.push_back(std::move(fd));
    if (const auto v6 = network.gateway_v6()) {
        for (UniqueFd& fd : open_family_sockets(*v6)) fds.push_back(std::move(fd));
    }
    return fds;
}

}  // namespace

std::optional<IpAddress> ProjectNetwork::gateway_v6() const noexcept {
    return impl_->gateway_v6();
}

std::vector<std::uint8_t> join_batches(const std::vector<std::vector<std::uint8_t>>& batches) {
    std::vector<std::uint8_t> all;
    size_t last = 0;
    for (const std::vector<std::uint8_t>& batch : batches) {
        for (size_t at = 0; at + sizeof(nlmsghdr) <= batch.size();) {
            nlmsghdr header{};
            std::memcpy(&header, batch.data() + at, sizeof header);
            header.nlmsg_flags &= static_cast<std::uint16_t>(~NLM_F_ACK);
            last = all.size();
            const size_t step = std::min<size_t>(batch.size() - at, NLMSG_ALIGN(header.nlmsg_len));
            if (step < sizeof header) break;
            all.insert(all.end(), batch.begin() + static_cast<long>(at),
                       batch.begin() + static_cast<long>(at + step));
            std::memcpy(all.data() + last, &header, sizeof header);
            at += step;
        }
    }
    if (all.empty()) return all;
    nlmsghdr header{};
    std::memcpy(&header, all.data() + last, sizeof header);
    header.nlmsg_flags |= NLM_F_ACK;
    std::memcpy(all.data() + last, &header, sizeof header);
    return all;
}

std::optional<IpAddress> ProjectNetwork::Impl::gateway_v6() const {
    if (!plan.subnet_v6) return std::nullopt;
    return plan.subnet_v6->at(1);
}

World ProjectNetwork::Impl::world() const {
    World world;
    world.reach.gateway_v4 = gateway_v4();
    if (const auto v6 = gateway_v6()) world.reach.gateway_v6 = *v6;
    world.reach.internal = plan.internal;
    world.reach.link_local = plan.link_local;
    world.v4_names = plan.v4_names;
    world.reach.host_ports = plan.host_ports;
    world.subnets.push_back(*plan.subnet_v4);
    if (plan.subnet_v6) world.subnets.push_back(*plan.subnet_v6);
    NameTable::Owner& host = world.owners["host"];
    host.names = {"host.internal", "host.docker.internal"};
    host.addresses = {gateway_v4()};
    if (const auto v6 = gateway_v6()) host.addresses.push_back(*v6);
    for (const auto& [id, member] : members) {
        if (!member.linked) continue;
        NameTable::Owner& owner = world.owners[std::to_string(id)];
        owner.names = member.plan.names;
        owner.addresses = addresses_of(member.attachment);
        if (!member.plan.host_ports.empty() || member.plan.link_local) {
            for (const IpAddress& address : owner.addresses) {
                world.reach.opened[address] = {member.plan.host_ports, member.plan.link_local};
            }
        }
        if (!member.plan.name_servers.empty()) {
            for (const IpAddress& address : owner.addresses) {
                world.servers[address] = member.plan.name_servers;
            }
        }
        for (const NamedAddresses& other : member.view) {
            world.views[member.attachment.address_v4].push_back({other.names, other.addresses});
            if (member.attachment.address_v6) {
                world.views[*member.attachment.address_v6].push_back(
                    {other.names, other.addresses});
            }
        }
    }
    return world;
}

ProjectNetwork::ProjectNetwork(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ProjectNetwork::ProjectNetwork(ProjectNetwork&&) noexcept = default;
ProjectNetwork& ProjectNetwork::operator=(ProjectNetwork&&) noexcept = default;
ProjectNetwork::~ProjectNetwork() = default;

ProjectNetwork ProjectNetwork::create(const NetworkPlan& plan) {
    ProjectNetwork network = begin(plan);
    network.finish();
    return network;
}

ProjectNetwork ProjectNetwork::begin(const NetworkPlan& plan) {
    auto impl = std::make_unique<Impl>();
    impl->plan = plan;
    NetworkPlan& decided = impl->plan;
    if (!decided.subnet_v4) {
        const auto routes = base::try_read_file_at(AT_FDCWD, "/proc/net/route", 1024 * 1024);
        decided.subnet_v4 = choose_subnet(routes.value_or(""));
    }
    if (!decided.ipv6 || !has_ipv6()) {
        decided.subnet_v6.reset();
    } else if (!decided.subnet_v6) {
        decided.subnet_v6 = try_parse_subnet("fd73:616e:6462::/64");
    }
    if (decided.subnet_v4->prefix > 30) {
        throw base::UsageError("subnet " + decided.subnet_v4->str() + " has no room for containers",
                               "use a prefix of /30 or shorter");
    }
    base::with_context("network " + base::quote(plan.name), [&] {
        impl->keeper = InsideKeeper::start([&impl] { return build_gateway(*impl); });
    });
    impl->pending = true;
    return ProjectNetwork(std::move(impl));
}

void ProjectNetwork::finish() {
    Impl& network = *impl_;
    if (!std::exchange(network.pending, false)) return;
    base::with_context("network " + base::quote(network.plan.name), [&] {
        Descriptors fds = network.keeper.take();
        network.netns = std::move(fds.at(0));
        network.route.emplace(std::move(fds.at(1)));
        network.sockets.v4 = take_family_sockets(fds, 2);
        if (network.plan.subnet_v6) {
            network.sockets.v6 = take_family_sockets(fds, 2 + kFamilySockets);
        }
    });
}

Attachment ProjectNetwork::plan_attachment(const AttachPlan& plan) const {
    Attachment attachment = impl_->choose_addresses(plan);
    if (plan.configures_itself) attachment.inside = inside_batch(plan, attachment, *impl_);
    return attachment;
}

int ProjectNetwork::Impl::port_index(const Member& member) noexcept {
    return kFirstPort + static_cast<int>(member.attachment.id);
}

void ProjectNetwork::Impl::join_link(const Member& member, int netns_fd) {
    const AttachPlan& wish = member.plan;
    VethPlan veth;
    veth.name = member.port_link;
    veth.peer_name = wish.link_name;
    veth.peer_netns_fd = netns_fd;
    veth.mtu = kMtu;
    veth.up = true;
    veth.peer_mac = wish.mac;
    veth.index = plan.lone ? kGatewayIndex : port_index(member);
    veth.master_index = plan.lone ? 0 : kGatewayIndex;
    if (wish.configures_itself) veth.peer_index = wish.link_index;
    route->start_batch();
    add_veth(*route, veth);
    if (plan.lone) add_gateway_addresses(*route, *this);
    route->finish_batch();
}

void ProjectNetwork::Impl::remove_port(const Member& member) {
    remove_link_if_any(*route, member.port_link);
}

Attachment ProjectNetwork::reserve(const AttachPlan& plan) {
    Impl& network = *impl_;
    Impl::Member member;
    member.plan = plan;
    member.attachment = plan_attachment(plan);
    if (!plan.mac && !network.plan.lone) member.plan.mac = mac_for(member.attachment.address_v4);
    member.attachment.id = network.next_id++;
    member.port_link = network.plan.lone ? std::string(kGatewayLink)
                                         : "port" + std::to_string(member.attachment.id);
    Attachment result = member.attachment;
    network.members.emplace(result.id, std::move(member));
    return result;
}

void ProjectNetwork::link(std::uint32_t id, int netns_fd, bool configures_itself) {
    finish();
    Impl& network = *impl_;
    Impl::Member& member = network.members.at(id);
    if (std::exchange(member.linked, false)) network.remove_port(member);
    member.plan.configures_itself = configures_itself;
    base::with_context("network " + base::quote(network.plan.name), [&] {
        if (member.plan.replaces) remove_former_link(netns_fd, member.plan.link_name);
        network.join_link(member, netns_fd);
        if (!configures_itself) {
            configure_inside(netns_fd, member.plan, member.attachment, network);
        }
    });
    member.linked = true;
}

void ProjectNetwork::lead_out(std::uint32_t id, int netns_fd) {
    Impl::Member& member = impl_->members.at(id);
    base::with_context("network " + base::quote(impl_->plan.name),
                       [&] { lead_out_inside(netns_fd, member.plan, member.attachment, *impl_); });
    member.plan.default_route = true;
}

Attachment ProjectNetwork::attach(const AttachPlan& plan) {
    finish();
    Attachment attachment = reserve(plan);
    try {
        link(attachment.id, plan.netns_fd, plan.configures_itself);
    } catch (const base::Error&) {
        detach(attachment.id);
        throw;
    }
    return attachment;
}

void ProjectNetwork::detach(std::uint32_t id) {
    const auto found = impl_->members.find(id);
    if (found == impl_->members.end()) return;
    const Impl::Member member = std::move(found->second);
    impl_->members.erase(found);
    if (!impl_->pending) impl_->remove_port(member);
}

void ProjectNetwork::set_names(std::uint32_t id, std::vector<std::string> names) {
    impl_->members.at(id).plan.names = std::move(names);
}

void ProjectNetwork::set_view(std::uint32_t id, std::vector<NamedAddresses> others) {
    impl_->members.at(id).view = std::move(others);
}

std::vector<NamedAddresses> ProjectNetwork::members() const {
    std::vector<NamedAddresses> all;
    for (const auto& [id, member] : impl_->members) {
        if (!member.linked) continue;
        std::vector<IpAddress> addresses = addresses_of(member.attachment);
        if (impl_->plan.v4_names) addresses.resize(1);
        all.push_back({member.plan.names, std::move(addresses)});
    }
    return all;
}

const Subnet& ProjectNetwork::subnet_v4() const noexcept {
    return *impl_->plan.subnet_v4;
}
const std::optional<Subnet>& ProjectNetwork::subnet_v6() const noexcept {
    return impl_->plan.subnet_v6;
}
IpAddress ProjectNetwork::gateway_v4() const noexcept {
    return impl_->gateway_v4();
}

std::string make_resolv_conf(const IpAddress& name_server, std::string_view host_resolv_conf) {
    std::string text = "nameserver " + name_server.str() + "\n";
    for (const std::string& line : base::split(host_resolv_conf, '\n')) {
        const std::string_view rest = base::trim(line);
        for (const std::string_view key : {"search", "domain", "options"}) {
            const bool is_key = rest.starts_with(key) && rest.size() > key.size() &&
                                (rest[key.size()] == ' ' || rest[key.size()] == '\t');
            if (is_key) text += std::string(rest) + "\n";
        }
    }
    return text;
}

}  // namespace sandbox::net
