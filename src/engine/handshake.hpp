// The parent's end of the launch: a packet socket that the child answers on, and the pipe on which
// init tells how the payload ended. Vocabulary in child/messages.hpp.
#pragma once

#include <array>
#include <functional>
#include <optional>

#include "child/messages.hpp"
#include "engine/exec/namespace_fds.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

struct SocketPair {
    base::UniqueFd ours;
    base::UniqueFd theirs;
};
[[nodiscard]] SocketPair make_handshake();  // SEQPACKET, both close-on-exec
[[nodiscard]] SocketPair make_control();    // a pipe: ours reads

// How the child's side of the launch ended.
struct Outcome {
    enum class Kind { executed, failed, died } kind = Kind::died;
    child::Message failure;  // failed only
    base::UniqueFd pty_master;
    NamespaceFds namespaces;
    bool settled = false;  // nothing more is to come
};

// One packet of the child's.
struct HandshakePacket {
    bool end = false;  // end of file: nobody holds the other side
    child::Message message;
    std::array<base::UniqueFd, child::kNamespaceCount> fds;
};
// Blocks. Packets of another size are passed over.
[[nodiscard]] HandshakePacket receive_packet(int handshake_fd);
// The child's first word: its namespaces. Otherwise (it failed, or died) false, and the outcome is
// told at once by receive_outcome().
[[nodiscard]] bool receive_namespaces(int handshake_fd, Outcome& outcome);
// Must not be called before the parent has closed its copy of the child's end. `outcome`: what
// receive_namespaces() began. `on_listener`: takes the listener of emulated identities as soon as
// it comes, since the child waits for its answers from then on; may be empty.
[[nodiscard]] Outcome receive_outcome(
    int handshake_fd, Outcome outcome = {},
    const std::function<void(base::UniqueFd listener, const NamespaceFds&)>& on_listener = {});
// receive_outcome() would not block: the child has said something or is gone.
[[nodiscard]] bool has_news(int handshake_fd) noexcept;
// The child may be dead already: not an error here, receive_outcome() tells.
void send_go(int handshake_fd, child::MessageKind kind) noexcept;
inline void send_maps_written(int handshake_fd) noexcept {
    send_go(handshake_fd, child::MessageKind::maps_written);
}
inline void send_link_made(int handshake_fd) noexcept {
    send_go(handshake_fd, child::MessageKind::link_made);
}
// What init reported, when it did. Must only be called when pid 1 is gone.
[[nodiscard]] std::optional<child::ExitReport> try_read_exit(int control_fd) noexcept;

}  // namespace sandbox::engine
