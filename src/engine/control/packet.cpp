#include "engine/control/packet.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine::control {
namespace {

namespace raw = base::raw;
namespace json = base::json;

long receive(int socket_fd, msghdr& header, int flags) {
    long rc = 0;
    do {
        rc = raw::call(SYS_recvmsg, socket_fd, raw::ptr(&header), flags);
    } while (rc == -EINTR);
    return rc;
}

void take_fds(msghdr& header, std::vector<base::UniqueFd>& fds) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof(int), sizeof fd);
            fds.emplace_back(fd);
        }
    }
}

}  // namespace

Received receive_packet(int socket_fd, Packet& packet) {
    packet = {};
    msghdr peek{};
    // recv(2): MSG_TRUNC answers the real length, so that the buffer is as small as can be.
    const long size = receive(socket_fd, peek, MSG_PEEK | MSG_TRUNC);
    if (size == -EAGAIN) return Received::nothing_yet;
    if (size == 0 || size == -ECONNRESET || size == -EPIPE) return Received::end;
    if (size < 0) throw base::SysError(static_cast<int>(-size), "hear from a control socket");

    std::string text(std::min<size_t>(static_cast<size_t>(size), kMaxPacketBytes), '\0');
    iovec part{text.data(), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxPacketFds)> space{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = space.data();
    header.msg_controllen = space.size();
    const long rc = receive(socket_fd, header, MSG_CMSG_CLOEXEC);
    if (rc == 0 || rc == -ECONNRESET || rc == -EPIPE) return Received::end;
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "hear from a control socket");
    take_fds(header, packet.fds);
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
        throw base::IntegrityError("a control packet is too long");
    }
    packet.value = json::parse(text, {.max_bytes = kMaxPacketBytes});
    return Received::packet;
}

bool send_packet(int socket_fd, const json::Value& value, std::span<const int> fds) {
    std::string text = json::dump(value);
    if (text.size() > kMaxPacketBytes || fds.size() > kMaxPacketFds) {
        throw base::Error("a control packet of " + std::to_string(text.size()) +
                          " bytes is too long");
    }
    iovec part{text.data(), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kMaxPacketFds)> space{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (!fds.empty()) {
        header.msg_control = space.data();
        header.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* const rights = CMSG_FIRSTHDR(&header);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    long rc = 0;
    do {
        rc = raw::call(SYS_sendmsg, socket_fd, raw::ptr(&header), MSG_NOSIGNAL);
    } while (rc == -EINTR);
    if (rc == -EPIPE || rc == -ECONNRESET || rc == -EAGAIN || rc == -ENOTCONN) return false;
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "send on a control socket");
    return true;
}

void set_buffer_size(int socket_fd) {
    // unix(7): a packet must fit into the sender's buffer. The kernel doubles what is asked for and
    // caps it; when a packet does not fit after all, sending says so.
    const int size = static_cast<int>(kMaxPacketBytes);
    (void)::setsockopt(socket_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

std::string address_path(int container_dir_fd) {
    return "/proc/self/fd/" + std::to_string(container_dir_fd) + "/" + kSocketName;
}

}  // namespace sandbox::engine::control
