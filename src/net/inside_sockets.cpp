#include "net/inside_sockets.hpp"

#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sandbox/base/error.hpp"

namespace sandbox::net {
namespace {

using base::SysError;
using base::UniqueFd;

UniqueFd open_socket(int family, int type, int protocol) {
    const int fd = ::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
    if (fd < 0) throw SysError(errno, "make a socket in the network");
    return UniqueFd(fd);
}

void set_option(const UniqueFd& fd, int level, int option, int value) {
    if (::setsockopt(fd.get(), level, option, &value, sizeof value) != 0) {
        throw SysError(errno, "set an option of a socket in the network");
    }
}

void bind_to(const UniqueFd& fd, const Endpoint& endpoint) {
    sockaddr_storage address{};
    const socklen_t size = to_sockaddr(endpoint, address);
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) {
        throw SysError(errno, "bind in the network", endpoint.str());
    }
}

void set_transparent(const UniqueFd& fd, bool v6) {
    set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_TRANSPARENT : IP_TRANSPARENT, 1);
}

// The link that has the address may come later than the socket. ip(7), ipv6(7).
void allow_missing_address(const UniqueFd& fd, bool v6) {
    set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND, 1);
}

IpAddress loopback(bool v6) {
    return *try_parse_address(v6 ? "::1" : "127.0.0.1");
}

UniqueFd open_listener(const Endpoint& at, bool transparent) {
    const bool v6 = at.address.is_v6();
    UniqueFd fd = open_socket(at.address.family, SOCK_STREAM, 0);
    if (v6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (transparent) {
        set_transparent(fd, v6);
    } else {
        allow_missing_address(fd, v6);
    }
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    bind_to(fd, at);
    if (::listen(fd.get(), 4096) != 0) throw SysError(errno, "listen in the network");
    return fd;
}

UniqueFd open_datagrams(const Endpoint& at, bool transparent) {
    const bool v6 = at.address.is_v6();
    UniqueFd fd = open_socket(at.address.family, SOCK_DGRAM, 0);
    if (v6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (transparent) {
        set_transparent(fd, v6);
        set_option(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP,
                   v6 ? IPV6_RECVORIGDSTADDR : IP_RECVORIGDSTADDR, 1);
    } else {
        allow_missing_address(fd, v6);
    }
    // What comes while a helper starts waits here.
    set_option(fd, SOL_SOCKET, SO_RCVBUF, transparent ? 4 * 1024 * 1024 : 1024 * 1024);
    bind_to(fd, at);
    return fd;
}

sock_filter step(unsigned code, std::uint32_t k, std::uint8_t yes = 0, std::uint8_t no = 0) {
    return {static_cast<std::uint16_t>(code), yes, no, k};
}

// On the gateway's link, for this host only: TCP that opens a connection (SYN without ACK and RST),
// echo requests, and "port unreachable". The header begins at 0, since the socket is of type
// SOCK_DGRAM: packet(7).
std::vector<sock_filter> capture_filter(bool v6) {
    constexpr unsigned kByte = BPF_LD | BPF_B | BPF_ABS, kEqual = BPF_JMP | BPF_JEQ | BPF_K;
    constexpr unsigned kIndexed = BPF_LD | BPF_B | BPF_IND, kIndexedTwo = BPF_LD | BPF_H | BPF_IND;
    constexpr auto kPacketType = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE);
    const std::uint32_t icmp = v6 ? std::uint8_t{IPPROTO_ICMPV6} : std::uint8_t{IPPROTO_ICMP};
    constexpr auto kLink = static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_IFINDEX);
    return {
        step(BPF_LD | BPF_W | BPF_ABS, kLink),
        step(kEqual, kGatewayIndex, 0, 13),
        step(kByte, kPacketType),
        step(kEqual, PACKET_HOST, 0, 11),
        v6 ? step(BPF_LDX | BPF_W | BPF_IMM, 40) : step(BPF_LDX | BPF_B | BPF_MSH, 0),
        step(kByte, v6 ? 6 : 9),
        step(kEqual, IPPROTO_TCP, 0, 3),
        step(kIndexed, 13),
        step(BPF_ALU | BPF_AND | BPF_K, 0x16),
        step(kEqual, 0x02, 4, 5),
        step(kEqual, icmp, 0, 4),
        step(kIndexedTwo, 0),
        step(kEqual, v6 ? 0x8000 : 0x0800, 1, 0),  // type and code
        step(kEqual, v6 ? 0x0104 : 0x0303, 0, 1),
        step(BPF_RET | BPF_K, 0x40000),
        step(BPF_RET | BPF_K, 0),
    };
}

UniqueFd open_capture(bool v6) {
    const auto protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
    // Bound only once the filter is on, so that nothing else is ever queued.
    UniqueFd fd = open_socket(AF_PACKET, SOCK_DGRAM, 0);
    std::vector<sock_filter> filter = capture_filter(v6);
    const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0) {
        throw SysError(errno, "filter a packet socket in the network");
    }
    set_option(fd, SOL_SOCKET, SO_RCVBUF, 2 * 1024 * 1024);
    sockaddr_ll at{};
    at.sll_family = AF_PACKET;
    at.sll_protocol = protocol;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) {
        throw SysError(errno, "bind a packet socket in the network");
    }
    return fd;
}

}  // namespace

Descriptors open_family_sockets(const IpAddress& gateway) {
    const bool v6 = gateway.is_v6();
    Descriptors fds;
    fds.push_back(open_listener({loopback(v6), kProxyPort}, true));
    fds.push_back(open_datagrams({loopback(v6), kProxyPort}, true));
    fds.push_back(open_capture(v6));
    fds.push_back(open_socket(gateway.family, SOCK_RAW, IPPROTO_RAW));
    fds.push_back(open_datagrams({gateway, kDnsPort}, false));
    fds.push_back(open_listener({gateway, kDnsPort}, false));
    return fds;
}

FamilySockets take_family_sockets(Descriptors& from, size_t first) {
    FamilySockets sockets;
    sockets.tcp = std::move(from.at(first));
    sockets.udp = std::move(from.at(first + 1));
    sockets.capture = std::move(from.at(first + 2));
    sockets.raw = std::move(from.at(first + 3));
    sockets.dns_udp = std::move(from.at(first + 4));
    sockets.dns_tcp = std::move(from.at(first + 5));
    return sockets;
}

UniqueFd open_transparent_stream(int family) {
    UniqueFd fd = open_socket(family, SOCK_STREAM, 0);
    set_transparent(fd, family == AF_INET6);
    set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    return fd;
}

void send_raw(const InsideSockets& sockets, const Bytes& packet, const IpAddress& to) noexcept {
    sockaddr_storage address{};
    const socklen_t size = to_sockaddr({to, 0}, address);
    (void)::sendto(sockets.of(to).raw.get(), packet.data(), packet.size(), MSG_NOSIGNAL,
                   reinterpret_cast<const sockaddr*>(&address), size);
}

void inject(const InsideSockets& sockets, const Bytes& packet, bool v6) noexcept {
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(v6 ? ETH_P_IPV6 : ETH_P_IP);
    to.sll_ifindex = kLoopbackIndex;
    to.sll_halen = ETH_ALEN;  // the loopback's hardware address is all zeros
    // Lost: the container sends its SYN again.
    (void)::sendto((v6 ? sockets.v6 : sockets.v4).capture.get(), packet.data(), packet.size(), 0,
                   reinterpret_cast<const sockaddr*>(&to), sizeof to);
}

}  // namespace sandbox::net
