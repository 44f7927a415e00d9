#include "sandbox/kernel/sock_diag.hpp"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sandbox/base/error.hpp"

namespace sandbox::kernel {
namespace {

using base::SysError;

// The states of tcp(7) as the kernel numbers them (include/net/tcp_states.h).
constexpr unsigned kListen = 10;
constexpr unsigned kClose = 7;  // what UDP sockets without a peer are in

struct Request {
    nlmsghdr header{};
    inet_diag_req_v2 body{};
};

bool is_loopback(const inet_diag_msg& message) {
    if (message.idiag_family == AF_INET) {
        return (ntohl(message.id.idiag_src[0]) >> 24U) == 127;
    }
    in6_addr address{};
    static_assert(sizeof address == sizeof message.id.idiag_src);
    std::memcpy(&address, message.id.idiag_src, sizeof address);
    if (IN6_IS_ADDR_V4MAPPED(&address)) return address.s6_addr[12] == 127;
    return IN6_IS_ADDR_LOOPBACK(&address);
}

void ask(int fd, int family, int protocol, unsigned states, std::uint32_t sequence) {
    Request request;
    request.header.nlmsg_len = sizeof request;
    request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.header.nlmsg_seq = sequence;
    request.body.sdiag_family = static_cast<std::uint8_t>(family);
    request.body.sdiag_protocol = static_cast<std::uint8_t>(protocol);
    request.body.idiag_states = states;
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    ssize_t rc = 0;
    do {
        rc = ::sendto(fd, &request, sizeof request, 0, reinterpret_cast<const sockaddr*>(&kernel),
                      sizeof kernel);
    } while (rc < 0 && errno == EINTR);
    if (rc < 0) throw SysError(errno, "ask which ports are listened on");
}

// False: the dump is complete.
bool take(const nlmsghdr& header, ListeningPort::Protocol protocol,
          std::set<ListeningPort>& ports) {
    if (header.nlmsg_type == NLMSG_DONE) return false;
    if (header.nlmsg_type == NLMSG_ERROR) {
        nlmsgerr error{};
        if (header.nlmsg_len >= NLMSG_LENGTH(sizeof error)) {
            std::memcpy(&error, NLMSG_DATA(&header), sizeof error);
        }
        // ENOENT: this family or protocol is not in the kernel (IPv6 off), so nobody uses it.
        if (error.error == 0 || error.error == -ENOENT) return false;
        throw SysError(-error.error, "ask which ports are listened on");
    }
    if (header.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        header.nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg))) {
        return true;
    }
    inet_diag_msg message{};
    std::memcpy(&message, NLMSG_DATA(&header), sizeof message);
    const std::uint16_t port = ntohs(message.id.idiag_sport);
    if (port != 0) ports.insert({protocol, port, is_loopback(message)});
    return true;
}

void collect(int fd, int family, int protocol, unsigned state, std::set<ListeningPort>& ports) {
    const auto sequence = static_cast<std::uint32_t>(family * 256 + protocol);
    ask(fd, family, protocol, 1U << state, sequence);
    const auto kind =
        protocol == IPPROTO_TCP ? ListeningPort::Protocol::tcp : ListeningPort::Protocol::udp;
    alignas(nlmsghdr) std::array<char, 16384> buffer{};
    for (;;) {
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw SysError(errno, "hear which ports are listened on");
        auto rest = static_cast<unsigned>(got);
        for (auto* header = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(header, rest);
             header = NLMSG_NEXT(header, rest)) {
            if (header->nlmsg_seq != sequence) continue;  // of a question that was given up
            if (!take(*header, kind, ports)) return;
        }
    }
}

}  // namespace

base::UniqueFd open_sock_diag() {
    const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) throw SysError(errno, "open a diagnostic socket");
    return base::UniqueFd(fd);
}

std::set<ListeningPort> listening_ports(int sock_diag_fd) {
    std::set<ListeningPort> ports;
    for (const int family : {AF_INET, AF_INET6}) {
        collect(sock_diag_fd, family, IPPROTO_TCP, kListen, ports);
        collect(sock_diag_fd, family, IPPROTO_UDP, kClose, ports);
    }
    return ports;
}

}  // namespace sandbox::kernel
