// Datagrams of sockets with the addresses that the kernel tells beside them.
#pragma once

#include <optional>
#include <vector>

#include "net/bytes.hpp"
#include "sandbox/net/address.hpp"

namespace sandbox::net {

struct Datagram {
    ByteView payload;
    Endpoint from;
    // Where it was sent to, if the socket was told to say so; the port for transparent ones alone.
    IpAddress to_address;
    std::uint16_t to_port = 0;
};
// The payload lies in `buffer`. Absent: no more.
[[nodiscard]] std::optional<Datagram> receive_datagram(int fd, std::vector<std::uint8_t>& buffer);

// Sends from the very address that the client wrote to. What cannot be sent is lost.
void send_datagram_from(int fd, const IpAddress& own, const Endpoint& to,
                        ByteView payload) noexcept;

}  // namespace sandbox::net
