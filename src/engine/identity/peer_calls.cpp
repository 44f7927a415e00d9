#include "engine/identity/peer_calls.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>

#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

// A copy of the process's own socket; empty when it cannot be had.
base::UniqueFd copy_descriptor(const TrappedProcess& process, int fd) {
    const pid_t leader = process.leader();
    if (leader <= 0) return {};
    const base::UniqueFd owner(raw::pidfd_open(leader, 0));
    if (owner.get() < 0 || !process.is_waiting()) return {};
    const long copy = raw::call(raw::kSysPidfdGetfd, owner.get(), fd, 0);
    return base::UniqueFd(copy < 0 ? -1 : static_cast<int>(copy));
}

}  // namespace

std::optional<TrapReply> PeerCalls::try_answer(const TrappedProcess& process) const {
    if (process.call().number != SYS_getsockopt) return std::nullopt;
    socklen_t room = 0;
    if (process.read(process.argument(4), &room, sizeof room) < 0) return TrapReply::kernel();
    const base::UniqueFd socket = copy_descriptor(process, process.int_argument(0));
    if (!socket) return TrapReply::kernel();
    ucred peer{};
    socklen_t size = sizeof peer;
    const long rc = raw::call(SYS_getsockopt, socket.get(), SOL_SOCKET, SO_PEERCRED,
                              raw::ptr(&peer), raw::ptr(&size));
    if (rc < 0 || peer.pid <= 0) return TrapReply::kernel();
    const Credentials& who = table_.of(peer.pid).who;
    const FileOwner owner{who.user.effective, who.group.effective};
    const pid_t inside = processes_.inside(peer.pid);
    // Root's id is what the kernel shows by itself.
    if (owner == FileOwner{} || inside <= 0) return TrapReply::kernel();
    peer = {inside, owner.uid, owner.gid};
    room = std::min<socklen_t>(room, sizeof peer);
    int written = process.write(process.argument(3), &peer, room);
    if (written == 0) written = process.write(process.argument(4), &room, sizeof room);
    return TrapReply::result(written);
}

}  // namespace sandbox::engine
