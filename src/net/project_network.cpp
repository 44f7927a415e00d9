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

Subnet all_of(int family) {
    Subnet subnet;
    subnet.base.family = static_cast<std::uint8_t>(family);
    return subnet;
}

bool has_ipv6() {
    return base::exists_at(AT_FDCWD, "/proc/sys/net/ipv6");
}

void set_gateway_sysctls(bool bridge) {
    // The kernel asks both "all" and the link; links that are made later inherit "default".
    for (const char* name :
         {"ipv4/conf/all/rp_filter", "ipv4/conf/default/rp_filter", "ipv4/ip_forward",
          "ipv6/conf/default/accept_dad", "ipv6/conf/default/accept_ra",
          "ipv6/conf/all/disable_ipv6", "ipv6/conf/default/disable_ipv6"}) {
        set_net_sysctl(name, "0");
    }
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
        add_route(route, {all_of(family), {}, kLoopbackIndex, RT_TABLE_MAIN, true});
    }
    route.finish_batch();
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

void prepare_container(NetlinkSocket& route) {
    set_link_up(route, find_link(route, "lo").index, true);
    // Users inside are all the container's own: any of them may have any port, and ping.
    set_net_sysctl("ipv4/ip_unprivileged_port_start", "0");
    // icmp(7): EINVAL for groups that the namespace does not have; with none at all, none may ping.
    for (const char* range : {"0 65535", "0 65534", "0 0"}) {
        const int rc = try_set_net_sysctl("ipv4/ping_group_range", range);
        if (rc == 0) break;
        if (rc != -EINVAL) throw base::SysError(-rc, "set net/ipv4/ping_group_range");
    }
}

void configure_link(NetlinkSocket& route, int index, const AttachPlan& plan,
                    const Attachment& attachment, const ProjectNetwork::Impl& network) {
    set_link_up(route, index, true);
    add_address(route, index, attachment.address_v4, network.plan.subnet_v4->prefix);
    if (attachment.address_v6) {
        add_address(route, index, *attachment.address_v6, network.plan.subnet_v6->prefix);
    }
    if (!plan.default_route) return;
    add_route(route, {all_of(AF_INET), network.gateway_v4(), index});
    if (attachment.address_v6) {
        add_route(route, {all_of(AF_INET6), network.gateway_v6(), index});
    }
}

void configure_inside(const AttachPlan& plan, const Attachment& attachment,
                      const ProjectNetwork::Impl& network) {
    (void)make_inside(plan.netns_fd, [&] {
        NetlinkSocket inside = NetlinkSocket::open(NETLINK_ROUTE);
        set_net_sysctl("ipv6/conf/default/accept_dad", "0");
        set_net_sysctl("ipv6/conf/all/disable_ipv6", network.plan.subnet_v6 ? "0" : "1");
        prepare_container(inside);
        const LinkInfo link = find_link(inside, plan.link_name);
        inside.start_batch();
        configure_link(inside, link.index, plan, attachment, network);
        inside.finish_batch();
        return Descriptors{};
    });
}

// For whoever configures itself: the index of its link, which is to be free in its namespace.
constexpr int kInsideIndex = 20;

std::vector<std::uint8_t> inside_batch(const AttachPlan& plan, const Attachment& attachment,
                                       const ProjectNetwork::Impl& network) {
    NetlinkSocket batch{UniqueFd()};
    batch.start_batch();
    configure_link(batch, kInsideIndex, plan, attachment, network);
    return batch.take_batch();
}

}  // namespace

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
    world.reach.host_ports = plan.host_ports;
    world.subnets.push_back(*plan.subnet_v4);
    if (plan.subnet_v6) world.subnets.push_back(*plan.subnet_v6);
    NameTable::Owner& host = world.owners["host"];
    host.names = {"host.internal", "host.docker.internal"};
    host.addresses = {gateway_v4()};
    if (const auto v6 = gateway_v6()) host.addresses.push_back(*v6);
    for (const auto& [id, member] : members) {
        NameTable::Owner& owner = world.owners[std::to_string(id)];
        owner.names = member.names;
        owner.addresses = {member.attachment.address_v4};
        if (member.attachment.address_v6) owner.addresses.push_back(*member.attachment.address_v6);
    }
    return world;
}

bool ProjectNetwork::Impl::is_taken(const IpAddress& address) const {
    return std::any_of(members.begin(), members.end(), [&](const auto& entry) {
        const Attachment& attachment = entry.second.attachment;
        return attachment.address_v4 == address || attachment.address_v6 == address;
    });
}

IpAddress ProjectNetwork::Impl::free_address(const Subnet& subnet) const {
    const size_t host_bits = subnet.base.size() * 8 - subnet.prefix;
    const std::uint64_t most = host_bits >= 16 ? 65534 : (std::uint64_t{1} << host_bits) - 2;
    for (std::uint64_t offset = 2; offset <= most; ++offset) {
        const IpAddress address = subnet.at(offset);
        if (!is_taken(address)) return address;
    }
    throw base::Error("no address is left in the subnet " + subnet.str() + " of network " +
                          base::quote(plan.name),
                      "give the network a larger subnet");
}

void ProjectNetwork::Impl::check_wish(const Subnet& subnet, const IpAddress& wish) const {
    if (!subnet.contains(wish) || wish == subnet.base || wish == subnet.at(1)) {
        throw base::UsageError(
            "address " + base::quote(wish.str()) + " is not for containers in " + subnet.str(),
            "choose one from " + subnet.at(2).str() + " on");
    }
    if (is_taken(wish)) throw base::UsageError("address " + base::quote(wish.str()) + " is taken");
}

Subnet choose_subnet(std::string_view proc_net_route) {
    std::vector<Subnet> taken;
    for (const std::string& line : base::split(proc_net_route, '\n')) {
        const auto words = base::split(line, '\t');
        // Interface, destination, gateway, flags, …, mask at 7: as the host's own words, in hex.
        if (words.size() < 8 || words[1].size() != 8 || words[7].size() != 8) continue;
        const auto destination =
            static_cast<std::uint32_t>(std::strtoul(words[1].c_str(), nullptr, 16));
        const auto mask = static_cast<std::uint32_t>(std::strtoul(words[7].c_str(), nullptr, 16));
        if (mask == 0) continue;  // the default route overlaps all
        Subnet subnet;
        std::memcpy(subnet.base.bytes.data(), &destination, 4);
        subnet.prefix = static_cast<std::uint8_t>(__builtin_popcount(mask));
        taken.push_back(subnet);
    }
    for (const int second : {89, 88, 213, 77, 41}) {
        for (int third = 0; third < 256; ++third) {
            Subnet subnet;
            subnet.base.bytes = {10, static_cast<std::uint8_t>(second),
                                 static_cast<std::uint8_t>(third)};
            subnet.prefix = 24;
            if (std::none_of(taken.begin(), taken.end(),
                             [&](const Subnet& other) { return other.overlaps(subnet); })) {
                return subnet;
            }
        }
    }
    throw base::Error("the host's routes leave no subnet for a network",
                      "name one: subnet = \"192.168.89.0/24\"");
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

Attachment ProjectNetwork::Impl::choose_addresses(const AttachPlan& wish) const {
    Attachment attachment;
    if (wish.address_v4) check_wish(*plan.subnet_v4, *wish.address_v4);
    attachment.address_v4 = wish.address_v4 ? *wish.address_v4 : free_address(*plan.subnet_v4);
    if (plan.subnet_v6) {
        if (wish.address_v6) check_wish(*plan.subnet_v6, *wish.address_v6);
        attachment.address_v6 = wish.address_v6 ? *wish.address_v6 : free_address(*plan.subnet_v6);
    }
    attachment.name_server = gateway_v4();
    return attachment;
}

Attachment ProjectNetwork::plan_attachment(const AttachPlan& plan) const {
    Attachment attachment = impl_->choose_addresses(plan);
    if (plan.configures_itself) attachment.inside = inside_batch(plan, attachment, *impl_);
    return attachment;
}

void ProjectNetwork::Impl::join_link(const AttachPlan& wish, const std::string& link) {
    VethPlan veth;
    veth.name = link;
    veth.peer_name = wish.link_name;
    veth.peer_netns_fd = wish.netns_fd;
    veth.mtu = kMtu;
    veth.up = true;
    veth.peer_mac = wish.mac;
    veth.index = plan.lone ? kGatewayIndex : kFirstPort + static_cast<int>(next_id);
    veth.master_index = plan.lone ? 0 : kGatewayIndex;
    if (wish.configures_itself) veth.peer_index = kInsideIndex;
    route->start_batch();
    add_veth(*route, veth);
    if (plan.lone) add_gateway_addresses(*route, *this);
    route->finish_batch();
}

Attachment ProjectNetwork::attach(const AttachPlan& plan) {
    finish();
    Impl& network = *impl_;
    Impl::Member member;
    member.names = plan.names;
    member.attachment = plan_attachment(plan);
    member.attachment.id = network.next_id++;
    member.port_link = network.plan.lone ? std::string(kGatewayLink)
                                         : "port" + std::to_string(member.attachment.id);
    base::with_context("network " + base::quote(network.plan.name), [&] {
        network.join_link(plan, member.port_link);
        if (!plan.configures_itself) configure_inside(plan, member.attachment, network);
    });
    const Attachment result = member.attachment;
    network.members.emplace(result.id, std::move(member));
    return result;
}

void ProjectNetwork::detach(std::uint32_t id) {
    const auto found = impl_->members.find(id);
    if (found == impl_->members.end()) return;
    // Gone already when the container is: a veth pair dies with either end's namespace.
    const auto link = try_find_link(*impl_->route, found->second.port_link);
    if (link) {
        try {
            remove_link(*impl_->route, link->index);
        } catch (const base::SysError& error) {
            if (error.errnum() != ENODEV) throw;
        }
    }
    impl_->members.erase(found);
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

void prepare_lonely(int netns_fd) {
    (void)make_inside(netns_fd, [] {
        NetlinkSocket inside = NetlinkSocket::open(NETLINK_ROUTE);
        prepare_container(inside);
        return Descriptors{};
    });
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
