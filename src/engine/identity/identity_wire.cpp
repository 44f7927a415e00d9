#include "engine/identity/identity_wire.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
constexpr size_t kMaxGroups = 1024;

struct Packet {
    std::uint64_t bounding = 0;
    std::uint32_t uid = 0, gid = 0, no_new_privileges = 0, group_count = 0;
    std::array<std::uint32_t, kMaxGroups> groups{};
};

struct FdControl {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> bytes{};
};

}  // namespace

void send_listener(int control_fd, int listener_fd, const Credentials& first) {
    Packet packet;
    packet.bounding = first.bounding;
    packet.uid = first.user.effective;
    packet.gid = first.group.effective;
    packet.no_new_privileges = first.no_new_privileges ? 1 : 0;
    packet.group_count = static_cast<std::uint32_t>(std::min(first.groups.size(), kMaxGroups));
    std::copy_n(first.groups.begin(), packet.group_count, packet.groups.begin());
    iovec part{&packet, sizeof packet};
    FdControl control;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes.data();
    header.msg_controllen = control.bytes.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &listener_fd, sizeof listener_fd);
    const long rc = raw::call(SYS_sendmsg, control_fd, raw::ptr(&header), MSG_NOSIGNAL);
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "speak to the identity process");
}

std::optional<NewListener> receive_listener(int control_fd) {
    Packet packet;
    iovec part{&packet, sizeof packet};
    FdControl control;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.bytes.data();
    header.msg_controllen = control.bytes.size();
    long rc = 0;
    do {
        rc = raw::call(SYS_recvmsg, control_fd, raw::ptr(&header), MSG_CMSG_CLOEXEC);
    } while (rc == -EINTR);
    if (rc != static_cast<long>(sizeof packet)) return std::nullopt;
    const cmsghdr* rights = CMSG_FIRSTHDR(&header);
    if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return std::nullopt;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    const size_t count = std::min<size_t>(packet.group_count, kMaxGroups);
    return NewListener{base::UniqueFd(fd),
                       initial_credentials(packet.uid, packet.gid,
                                           {packet.groups.begin(), packet.groups.begin() + count},
                                           packet.bounding, packet.no_new_privileges != 0)};
}

}  // namespace sandbox::engine
