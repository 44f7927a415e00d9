#include "sandbox/net/probe.hpp"

#include <netinet/in.h>  // before linux/in.h

#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>

#include "net/inside_sockets.hpp"
#include "net/links.hpp"
#include "net/name_servers.hpp"
#include "net/namespace_entry.hpp"
#include "net/nftables.hpp"
#include "net/probe_way.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;
using kernel::Ability;
using State = Ability::State;

// A part of the kernel, the module that it may be, and how to try it inside a namespace.
struct Part {
    const char* name;
    const char* module;
    std::function<void()> use;
};

void install(NftRule rule) {
    NetlinkSocket netfilter = NetlinkSocket::open(NETLINK_NETFILTER);
    NftChain chain{"prerouting", NF_INET_PRE_ROUTING, -150, {}};
    chain.rules.push_back(std::move(rule));
    install_table(netfilter, "probe", {chain});
}

NftRule tcp() {
    return NftRule().family(NFPROTO_IPV4).protocol(IPPROTO_TCP);
}

std::vector<Part> filter_parts() {
    const Endpoint proxy{*try_parse_address("127.0.0.1"), kProxyPort};
    return {
        {"tables", "nf_tables", [] { install(NftRule().accept()); }},
        {"tproxy", "nft_tproxy", [proxy] { install(tcp().tproxy(proxy)); }},
        {"the socket match", "nft_socket", [] { install(tcp().transparent_socket().accept()); }},
        {"reject", "nft_reject_inet", [] { install(tcp().reject_tcp()); }}};
}

std::vector<Part> link_parts() {
    return {{"veth pairs", "veth",
             [] {
                 NetlinkSocket route = NetlinkSocket::open(NETLINK_ROUTE);
                 VethPlan veth;
                 veth.name = "a";
                 veth.peer_name = "b";
                 add_veth(route, veth);
             }},
            {"bridges", "bridge",
             [] {
                 NetlinkSocket route = NetlinkSocket::open(NETLINK_ROUTE);
                 add_bridge(route, "a", 1500);
             }},
            {"packet sockets", "af_packet", [] {
                 const UniqueFd fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
                 if (!fd) throw base::SysError(errno, "make a packet socket");
             }}};
}

// Tries all of them, each in namespaces of its own.
Ability probe_parts(const char* name, const char* gives, const std::vector<Part>& parts) {
    Ability ability{name, State::yes, false, gives, "", ""};
    std::string seen;
    std::string missing;
    std::string modules;
    for (const Part& part : parts) {
        try {
            (void)make_in_new_namespace([&part] {
                part.use();
                return Descriptors{};
            });
            seen += (seen.empty() ? "" : ", ") + std::string(part.name);
        } catch (const base::Error& error) {
            missing += (missing.empty() ? "without " : "; ") + std::string(part.name) + " (" +
                       error.message() + ")";
            modules += std::string(" ") + part.module;
        }
    }
    ability.detail = missing.empty() ? seen : missing;
    if (missing.empty()) return ability;
    ability.state = State::no;
    ability.cure = "sudo modprobe -a" + modules +
                   " (and at each boot: the names in /etc/modules-load.d/sandbox.conf); --network "
                   "host needs none of it";
    return ability;
}

Ability probe_ipv6() {
    Ability ability{"IPv6", State::yes, false, "containers reach IPv6 hosts", "", ""};
    const UniqueFd fd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) {
        ability.state = State::no;
        ability.detail = "the kernel has none: networks are IPv4 only";
        ability.cure = "boot without ipv6.disable=1 (nothing else is missing without it)";
        return ability;
    }
    const auto off =
        base::try_read_file_at(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/disable_ipv6", 16);
    if (off && base::trim(*off) == "1") {
        ability.state = State::limited;
        ability.detail = "switched off on this host: only containers among themselves have it";
        ability.cure = "sudo sysctl -w net.ipv6.conf.all.disable_ipv6=0";
        return ability;
    }
    // Only asks the routing table: nothing is sent by a datagram socket that connects.
    sockaddr_storage to{};
    const socklen_t size = to_sockaddr({*try_parse_address("2000::1"), 9}, to);
    const bool routed = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), size) == 0;
    ability.detail = routed ? "this host has a way out" : "on, but this host has no way out";
    if (!routed) ability.state = State::limited;
    if (!routed) ability.cure = "an IPv6 router for this host; without one IPv4 is used";
    return ability;
}

Ability probe_ping() {
    Ability ability{"ping", State::yes, false, "echo requests of containers reach the outside",
                    "",     ""};
    const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_ICMP));
    const int error = fd ? 0 : errno;
    const auto range = base::try_read_file_at(AT_FDCWD, "/proc/sys/net/ipv4/ping_group_range", 64);
    std::string text(base::trim(range.value_or("unknown")));
    for (char& letter : text) letter = letter == '\t' ? ' ' : letter;
    ability.detail = "net.ipv4.ping_group_range is \"" + text + "\"";
    if (error == 0) return ability;
    ability.state = State::no;
    ability.detail += ": " + std::string(base::errno_text(error));
    ability.cure = "sudo sysctl -w net.ipv4.ping_group_range=\"0 2147483647\"";
    return ability;
}

Ability probe_low_ports() {
    Ability ability{"ports below 1024", State::yes, false, "published ports such as 80", "", ""};
    constexpr std::uint64_t kDefault = 1024;
    const auto text =
        base::try_read_file_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", 16);
    const auto first = base::try_parse_u64(base::trim(text.value_or("")));
    const std::uint64_t start = first.value_or(kDefault);
    ability.detail = "net.ipv4.ip_unprivileged_port_start is " + std::to_string(start);
    // Whoever is root, or has the capability, need not ask.
    const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage at{};
    const socklen_t size = to_sockaddr({*try_parse_address("127.0.0.1"), 80}, at);
    const int rc = ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), size);
    if (start <= 80 || rc == 0 || errno == EADDRINUSE) return ability;
    ability.state = State::limited;
    ability.detail += ": a published port has to be at least that on the host";
    ability.cure = "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=80";
    return ability;
}

// A connection through the gateway takes two descriptors.
Ability probe_descriptors() {
    Ability ability{
        "many connections", State::yes, false, "connections at once of one network", "", ""};
    constexpr rlim_t kEnough = 16 * 1024, kOther = 50;
    rlimit limit{};
    (void)::getrlimit(RLIMIT_NOFILE, &limit);
    const bool endless = limit.rlim_max == RLIM_INFINITY;
    ability.detail = endless ? "as many as memory holds"
                             : "about " + std::to_string((limit.rlim_max - kOther) / 2) +
                                   ", by the hard limit of open files";
    if (endless || limit.rlim_max >= kEnough) return ability;
    ability.state = State::limited;
    ability.cure =
        "\"* hard nofile 524288\" in /etc/security/limits.d/sandbox.conf, then log in anew";
    return ability;
}

Ability probe_name_servers() {
    Ability ability{"name servers", State::yes, false, "names of the outside", "", ""};
    const auto text = base::try_read_file_at(AT_FDCWD, "/etc/resolv.conf", 64 * 1024);
    // Without one resolv.conf(5) means the host itself.
    const bool named = text && text->find("nameserver") != std::string::npos;
    for (const Endpoint& server : parse_name_servers(text.value_or(""))) {
        ability.detail += (ability.detail.empty() ? "" : ", ") + server.address.str();
    }
    if (named) return ability;
    ability.state = State::limited;
    ability.detail = "none in /etc/resolv.conf: this host itself is asked";
    ability.cure = "a line \"nameserver ADDRESS\" in /etc/resolv.conf";
    return ability;
}

}  // namespace

std::vector<Ability> probe_network() {
    return {probe_way(),
            probe_parts("packet filter", "outbound connections keep their meaning", filter_parts()),
            probe_parts("virtual links", "containers have networks", link_parts()),
            probe_ipv6(),
            probe_ping(),
            probe_low_ports(),
            probe_descriptors(),
            probe_name_servers()};
}

}  // namespace sandbox::net
