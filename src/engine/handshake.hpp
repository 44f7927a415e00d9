// The parent's end of the launch: a packet socket that the child answers on, and the pipe on which
// init tells how the payload ended. Vocabulary in child/messages.hpp.
#pragma once

#include <optional>

#include "child/messages.hpp"
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
};

// Must not be called before the parent has closed its copy of the child's end.
[[nodiscard]] Outcome receive_outcome(int handshake_fd);
// receive_outcome() would not block: the child has said something or is gone.
[[nodiscard]] bool has_news(int handshake_fd) noexcept;
// The child may be dead already: not an error here, receive_outcome() tells.
void send_maps_written(int handshake_fd) noexcept;
// What init reported, when it did. Must only be called when pid 1 is gone.
[[nodiscard]] std::optional<child::ExitReport> try_read_exit(int control_fd) noexcept;

}  // namespace sandbox::engine
