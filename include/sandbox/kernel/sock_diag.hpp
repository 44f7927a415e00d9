// Which ports somebody listens on, as the kernel says (sock_diag(7)): how a service without a
// written check is found to be ready. A diagnostic socket belongs to the network namespace in which
// it was made; whoever holds it may ask about that namespace, from anywhere, without privileges.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::kernel {

struct ListeningPort {
    enum class Protocol : std::uint8_t { tcp, udp };
    Protocol protocol = Protocol::tcp;
    std::uint16_t port = 0;
    // Only reachable from inside: bound to 127.0.0.0/8 or ::1.
    bool loopback_only = false;
    auto operator<=>(const ListeningPort&) const = default;
};

// Of the caller's own network namespace. Throws SysError (a kernel without the inet_diag module
// answers ENOENT to the first question).
[[nodiscard]] base::UniqueFd open_sock_diag();
// TCP sockets that listen, and UDP sockets that are bound without a peer. IPv4 and IPv6 together.
[[nodiscard]] std::set<ListeningPort> listening_ports(int sock_diag_fd);

}  // namespace sandbox::kernel
