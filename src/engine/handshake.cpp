#include "engine/handshake.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "sandbox/base/error.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
using child::Message;
using child::MessageKind;

void take_descriptors(msghdr& header, HandshakePacket& packet) {
    const cmsghdr* rights = CMSG_FIRSTHDR(&header);
    if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS) return;
    const auto* numbers = reinterpret_cast<const int*>(CMSG_DATA(rights));
    const size_t count = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count && i < packet.fds.size(); ++i) packet.fds[i].reset(numbers[i]);
}

// Answers the packet's size, 0 at end of file.
long receive(int handshake_fd, HandshakePacket& packet) {
    iovec part{&packet.message, sizeof packet.message};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * child::kNamespaceCount)> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    long rc = 0;
    do {
        rc = raw::call(SYS_recvmsg, handshake_fd, raw::ptr(&header), MSG_CMSG_CLOEXEC);
        // ECONNRESET, once: the child died with a packet of ours unread. What it said before that
        // lies behind it.
    } while (rc == -EINTR || rc == -ECONNRESET);
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "hear from the new container");
    if (rc > 0) take_descriptors(header, packet);
    return rc;
}

void take_namespaces(HandshakePacket& packet, Outcome& outcome) {
    size_t next = 0;
    for (base::UniqueFd* fd : outcome.namespaces.in_order()) *fd = std::move(packet.fds[next++]);
}

// Messages do not wake us, only the end of file does: there is nothing to do on them before, and a
// wake-up takes the processor from the very process that is about to execute.
void wait_for_end(int handshake_fd) noexcept {
    pollfd wait{handshake_fd, POLLRDHUP, 0};
    long rc = 0;
    do {
        rc = raw::call(SYS_ppoll, raw::ptr(&wait), 1, 0, 0, 0);
    } while (rc == -EINTR);
}

}  // namespace

SocketPair make_handshake() {
    std::array<int, 2> fds{};
    const long rc =
        raw::call(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, raw::ptr(fds.data()));
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "make a socket pair");
    return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

SocketPair make_control() {
    base::Pipe pipe = base::make_pipe();
    return {std::move(pipe.read_end), std::move(pipe.write_end)};
}

HandshakePacket receive_packet(int handshake_fd) {
    for (;;) {
        HandshakePacket packet;
        const long size = receive(handshake_fd, packet);
        packet.end = size == 0;
        if (packet.end || size == static_cast<long>(sizeof packet.message)) return packet;
    }
}

bool receive_namespaces(int handshake_fd, Outcome& outcome) {
    HandshakePacket packet = receive_packet(handshake_fd);
    outcome.settled = true;
    if (packet.end) return false;
    outcome.failure = packet.message;
    outcome.kind = Outcome::Kind::failed;
    if (packet.message.kind != MessageKind::namespaces) return false;
    take_namespaces(packet, outcome);
    outcome.settled = false;
    return true;
}

Outcome receive_outcome(
    int handshake_fd, Outcome outcome,
    const std::function<void(base::UniqueFd listener, const NamespaceFds&)>& on_listener) {
    if (outcome.settled) return outcome;
    bool ready = false;
    if (!on_listener) wait_for_end(handshake_fd);
    for (;;) {
        HandshakePacket packet = receive_packet(handshake_fd);
        const MessageKind kind = packet.message.kind;
        if (packet.end) {
            // End of file closes on exec: with `ready` before it the payload runs; without, the
            // child died.
            outcome.kind = ready ? Outcome::Kind::executed : Outcome::Kind::died;
            return outcome;
        }
        if (kind == MessageKind::failure) {
            outcome.kind = Outcome::Kind::failed;
            outcome.failure = packet.message;
            return outcome;
        }
        // What comes after `ready` may be the word of a program of the image that got hold of the
        // socket while the stage ran: it is believed when it says "failed", and no more.
        if (ready) continue;
        ready = kind == MessageKind::ready;
        if (kind == MessageKind::pty) outcome.pty_master = std::move(packet.fds[0]);
        if (kind == MessageKind::listener && on_listener) {
            on_listener(std::move(packet.fds[0]), outcome.namespaces);
        }
        if (kind == MessageKind::namespaces) take_namespaces(packet, outcome);
    }
}

bool has_news(int handshake_fd) noexcept {
    pollfd wait{handshake_fd, POLLIN, 0};
    return ::poll(&wait, 1, 0) > 0;
}

void send_go(int handshake_fd, MessageKind kind) noexcept {
    Message message;
    message.kind = kind;
    (void)raw::call(SYS_sendto, handshake_fd, raw::ptr(&message), sizeof message, MSG_NOSIGNAL, 0,
                    0);
}

std::optional<child::ExitReport> try_read_exit(int control_fd) noexcept {
    child::ExitReport report;
    long rc = 0;
    do {
        rc = raw::read(control_fd, &report, sizeof report);
    } while (rc == -EINTR);
    if (rc != static_cast<long>(sizeof report)) return std::nullopt;
    return report;
}

}  // namespace sandbox::engine
