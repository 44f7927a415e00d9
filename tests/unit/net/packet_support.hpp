// Packets as containers send them.
#pragma once

#include <cstdint>

#include "net/packet.hpp"

namespace sandbox::test {

inline net::Endpoint at(const char* address, std::uint16_t port) {
    return {*net::try_parse_address(address), port};
}

// TCP with these flags (0x02 SYN, 0x10 ACK, 0x04 RST), built from a reset of the other direction.
inline net::Bytes make_tcp(const net::Endpoint& from, const net::Endpoint& to, std::uint8_t flags,
                           std::uint32_t sequence = 0) {
    net::Packet refused;
    refused.from = to;
    refused.to = from;
    net::Bytes bytes = make_reset(refused);
    const size_t body = from.address.is_v6() ? 40 : 20;
    bytes[body + 13] = flags;
    for (size_t i = 0; i < 4; ++i) {
        bytes[body + 4 + i] = static_cast<std::uint8_t>(sequence >> (24 - 8 * i));
    }
    return bytes;
}

}  // namespace sandbox::test
