#include "handshake.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
using child::Message;
using child::MessageKind;

// One packet. Answers its size, 0 at end of file.
long receive(int handshake_fd, Message& message, base::UniqueFd& passed) {
    iovec part{&message, sizeof message};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    long rc = 0;
    do {
        rc = raw::call(SYS_recvmsg, handshake_fd, raw::ptr(&header), MSG_CMSG_CLOEXEC);
    } while (rc == -EINTR);
    // ECONNRESET: the child died with a packet of ours unread.
    if (rc == -ECONNRESET) return 0;
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "hear from the new container");
    const cmsghdr* rights = CMSG_FIRSTHDR(&header);
    if (rc > 0 && rights != nullptr && rights->cmsg_type == SCM_RIGHTS) {
        passed.reset(*reinterpret_cast<const int*>(CMSG_DATA(rights)));
    }
    return rc;
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
    std::array<int, 2> fds{};
    const long rc = raw::call(SYS_pipe2, raw::ptr(fds.data()), O_CLOEXEC);
    if (rc < 0) throw base::SysError(static_cast<int>(-rc), "make a pipe");
    return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

Outcome receive_outcome(int handshake_fd) {
    Outcome outcome;
    bool ready = false;
    for (;;) {
        Message message;
        const long size = receive(handshake_fd, message, outcome.pty_master);
        if (size == 0) {
            // End of file closes on exec: with `ready` before it the payload runs; without, the
            // child died.
            outcome.kind = ready ? Outcome::Kind::executed : Outcome::Kind::died;
            return outcome;
        }
        if (size != static_cast<long>(sizeof message)) continue;
        if (message.kind == MessageKind::ready) ready = true;
        if (message.kind == MessageKind::failure) {
            outcome.kind = Outcome::Kind::failed;
            outcome.failure = message;
            return outcome;
        }
    }
}

bool has_news(int handshake_fd) noexcept {
    pollfd wait{handshake_fd, POLLIN, 0};
    return ::poll(&wait, 1, 0) > 0;
}

void send_maps_written(int handshake_fd) noexcept {
    Message message;
    message.kind = MessageKind::maps_written;
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
