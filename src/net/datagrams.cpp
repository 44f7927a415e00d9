#include "net/datagrams.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>

namespace sandbox::net {

std::optional<Datagram> receive_datagram(int fd, std::vector<std::uint8_t>& buffer) {
    sockaddr_storage peer{};
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr message{};
    message.msg_name = &peer;
    message.msg_namelen = sizeof peer;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0) return std::nullopt;
    Datagram datagram{{buffer.data(), static_cast<size_t>(got)}, from_sockaddr(peer), {}, 0};
    for (cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr;
         head = CMSG_NXTHDR(&message, head)) {
        const bool v4 = head->cmsg_level == IPPROTO_IP;
        const bool v6 = head->cmsg_level == IPPROTO_IPV6;
        if ((v4 && head->cmsg_type == IP_ORIGDSTADDR) ||
            (v6 && head->cmsg_type == IPV6_ORIGDSTADDR)) {
            sockaddr_storage to{};
            std::memcpy(&to, CMSG_DATA(head), v4 ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
            const Endpoint endpoint = from_sockaddr(to);
            datagram.to_address = endpoint.address;
            datagram.to_port = endpoint.port;
        } else if (v4 && head->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(head), sizeof info);
            std::memcpy(datagram.to_address.bytes.data(), &info.ipi_spec_dst, 4);
        } else if (v6 && head->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(head), sizeof info);
            datagram.to_address.family = AF_INET6;
            std::memcpy(datagram.to_address.bytes.data(), &info.ipi6_addr, 16);
        }
    }
    return datagram;
}

void send_datagram_from(int fd, const IpAddress& own, const Endpoint& to,
                        ByteView payload) noexcept {
    sockaddr_storage peer{};
    const socklen_t size = to_sockaddr(to, peer);
    iovec part{const_cast<std::uint8_t*>(payload.data()), payload.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in6_pktinfo))> control{};
    msghdr message{};
    message.msg_name = &peer;
    message.msg_namelen = size;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    if (!own.is_any()) {
        message.msg_control = control.data();
        in_pktinfo v4{};
        in6_pktinfo v6{};
        std::memcpy(&v4.ipi_spec_dst, own.bytes.data(), 4);
        std::memcpy(&v6.ipi6_addr, own.bytes.data(), 16);
        const size_t length = own.is_v6() ? sizeof v6 : sizeof v4;
        message.msg_controllen = CMSG_SPACE(length);
        cmsghdr* head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = own.is_v6() ? IPPROTO_IPV6 : IPPROTO_IP;
        head->cmsg_type = own.is_v6() ? IPV6_PKTINFO : IP_PKTINFO;
        head->cmsg_len = CMSG_LEN(length);
        std::memcpy(CMSG_DATA(head), own.is_v6() ? static_cast<const void*>(&v6) : &v4, length);
    }
    (void)::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);  // lost, as datagrams may be
}

}  // namespace sandbox::net
