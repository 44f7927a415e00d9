// Internet packets as bytes: what the gateway looks at (held SYNs, echo requests, refusals) and
// what it answers by itself (resets, unreachables, datagrams from foreign addresses). Input is
// hostile. RFC 791, 792, 8200, 4443, 9293.
#pragma once

#include <cstdint>
#include <optional>

#include "net/bytes.hpp"
#include "sandbox/net/address.hpp"

namespace sandbox::net {

struct Packet {
    Endpoint from;
    Endpoint to;                // ports of TCP; 0 otherwise
    std::uint8_t protocol = 0;  // IPPROTO_TCP, IPPROTO_ICMP, IPPROTO_ICMPV6
    size_t body = 0;            // where TCP or ICMP begins
    size_t size = 0;            // of the whole packet; what follows is padding
    std::uint32_t sequence = 0;
    std::uint16_t tcp_payload_bytes = 0;
    bool opens_connection = false;  // TCP: SYN without ACK and RST
    bool asks_echo = false;         // ICMP
    std::uint16_t echo_id = 0;
    std::uint16_t echo_sequence = 0;
};
// Absent: malformed, a fragment, or nothing of TCP and ICMP.
[[nodiscard]] std::optional<Packet> parse_packet(ByteView bytes);

// A datagram that came to a port where nobody listens, as "port unreachable" quotes it.
struct RefusedDatagram {
    Endpoint from, to;
};
// Absent: `packet`, which was parsed from `bytes`, says no such thing of one to its sender.
[[nodiscard]] std::optional<RefusedDatagram> parse_refusal(ByteView bytes, const Packet& packet);

[[nodiscard]] std::uint16_t internet_checksum(ByteView bytes, std::uint32_t start = 0) noexcept;
// A packet off a virtual link may carry an unfinished checksum.
void finish_tcp_checksum(Bytes& bytes, const Packet& packet);

[[nodiscard]] Bytes make_reset(const Packet& refused);
enum class Unreachable { network, host, port, prohibited };
[[nodiscard]] Bytes make_unreachable(ByteView original, const Packet& packet, Unreachable why);
[[nodiscard]] Bytes make_echo_reply(const Endpoint& from, const Endpoint& to, ByteView message);
[[nodiscard]] Bytes make_datagram(const Endpoint& from, const Endpoint& to, ByteView payload);
// To `to`, which sent a datagram to `from`.
[[nodiscard]] Bytes make_datagram_unreachable(const Endpoint& from, const Endpoint& to,
                                              Unreachable why);

}  // namespace sandbox::net
