// One packet of the control socket: a JSON document, with descriptors riding along. SOCK_SEQPACKET
// keeps the bounds, so that there is nothing to frame.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine::control {

inline constexpr size_t kMaxPacketBytes = 256u << 10;
inline constexpr size_t kMaxPacketFds = 16;
inline constexpr const char* kSocketName = "control";

struct Packet {
    base::json::Value value;
    std::vector<base::UniqueFd> fds;
};

enum class Received { packet, nothing_yet, end };
// Never waits when the socket is non-blocking (nothing_yet). Throws IntegrityError for what is no
// JSON or too long, SysError for a broken socket. A peer that was killed is an end.
[[nodiscard]] Received receive_packet(int socket_fd, Packet& packet);
// False: the peer is gone, or (non-blocking) does not read. Throws Error when it is too long.
[[nodiscard]] bool send_packet(int socket_fd, const base::json::Value& value,
                               std::span<const int> fds);
// Room for one packet of the greatest size.
void set_buffer_size(int socket_fd);

// The address of the socket in a container's directory. Paths of sockets may have 107 bytes
// (unix(7)): through /proc/self/fd the directory's own path does not count.
[[nodiscard]] std::string address_path(int container_dir_fd);

}  // namespace sandbox::engine::control
