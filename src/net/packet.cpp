#include "net/packet.hpp"

#include <algorithm>
#include <cstring>

namespace sandbox::net {
namespace {

constexpr size_t kV4Head = 20;
constexpr size_t kV6Head = 40;
constexpr size_t kUdpHead = 8;
constexpr size_t kTcpHead = 20;
constexpr std::uint8_t kSyn = 0x02, kRst = 0x04, kAck = 0x10;

std::uint16_t get16(ByteView bytes, size_t at) noexcept {
    return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
std::uint32_t get32(ByteView bytes, size_t at) noexcept {
    return static_cast<std::uint32_t>(get16(bytes, at)) << 16 | get16(bytes, at + 2);
}
void set16(Bytes& bytes, size_t at, std::uint32_t value) noexcept {
    bytes[at] = static_cast<std::uint8_t>(value >> 8);
    bytes[at + 1] = static_cast<std::uint8_t>(value);
}
void set32(Bytes& bytes, size_t at, std::uint32_t value) noexcept {
    set16(bytes, at, value >> 16);
    set16(bytes, at + 2, value & 0xffff);
}

std::uint32_t sum(ByteView bytes, std::uint32_t start) noexcept {
    std::uint64_t total = start;
    size_t i = 0;
    for (; i + 1 < bytes.size(); i += 2) total += get16(bytes, i);
    if (i < bytes.size()) total += static_cast<std::uint32_t>(bytes[i]) << 8;
    while (total >> 32 != 0) total = (total & 0xffffffffu) + (total >> 32);
    return static_cast<std::uint32_t>((total & 0xffff) + (total >> 16));
}

// The pseudo header's sum: addresses, protocol, length.
std::uint32_t pseudo_sum(const IpAddress& from, const IpAddress& to, std::uint8_t protocol,
                         size_t length) noexcept {
    std::uint32_t total = sum({from.bytes.data(), from.size()}, 0);
    total = sum({to.bytes.data(), to.size()}, total);
    return total + protocol + static_cast<std::uint32_t>(length >> 16) +
           static_cast<std::uint32_t>(length & 0xffff);
}

// A packet with its internet header; the body is zero.
Bytes begin_packet(const IpAddress& from, const IpAddress& to, std::uint8_t protocol,
                   size_t body_size) {
    const size_t head = from.is_v6() ? kV6Head : kV4Head;
    Bytes bytes(head + body_size);
    if (from.is_v6()) {
        bytes[0] = 0x60;
        set16(bytes, 4, static_cast<std::uint32_t>(body_size));
        bytes[6] = protocol;
        bytes[7] = 64;
        std::copy_n(from.bytes.begin(), 16, bytes.begin() + 8);
        std::copy_n(to.bytes.begin(), 16, bytes.begin() + 24);
        return bytes;
    }
    bytes[0] = 0x45;
    set16(bytes, 2, static_cast<std::uint32_t>(bytes.size()));
    bytes[8] = 64;
    bytes[9] = protocol;
    std::copy_n(from.bytes.begin(), 4, bytes.begin() + 12);
    std::copy_n(to.bytes.begin(), 4, bytes.begin() + 16);
    set16(bytes, 10, internet_checksum({bytes.data(), kV4Head}));
    return bytes;
}

// Writes the checksum of TCP, UDP or ICMPv6 (all but ICMP, which has no pseudo header) at `at`.
void put_checksum(Bytes& bytes, const IpAddress& from, const IpAddress& to, std::uint8_t protocol,
                  size_t body, size_t at) {
    set16(bytes, at, 0);
    const ByteView content(bytes.data() + body, bytes.size() - body);
    const bool pseudo = protocol != IPPROTO_ICMP;
    std::uint16_t value =
        internet_checksum(content, pseudo ? pseudo_sum(from, to, protocol, content.size()) : 0);
    // RFC 768: a computed zero is sent as all ones.
    if (value == 0 && protocol == IPPROTO_UDP) value = 0xffff;
    set16(bytes, at, value);
}

bool parse_body(ByteView bytes, Packet& packet) {
    const size_t left = packet.size - packet.body;
    if (packet.protocol == IPPROTO_TCP) {
        if (left < kTcpHead) return false;
        const size_t head = static_cast<size_t>(bytes[packet.body + 12] >> 4) * 4;
        if (head < kTcpHead || head > left) return false;
        packet.from.port = get16(bytes, packet.body);
        packet.to.port = get16(bytes, packet.body + 2);
        packet.sequence = get32(bytes, packet.body + 4);
        packet.tcp_payload_bytes = static_cast<std::uint16_t>(left - head);
        packet.opens_connection = (bytes[packet.body + 13] & (kSyn | kAck | kRst)) == kSyn;
        return true;
    }
    const std::uint8_t echo = packet.protocol == IPPROTO_ICMP ? 8 : 128;
    if (left < 8) return false;
    packet.asks_echo = bytes[packet.body] == echo && bytes[packet.body + 1] == 0;
    packet.echo_id = get16(bytes, packet.body + 4);
    packet.echo_sequence = get16(bytes, packet.body + 6);
    return true;
}

Bytes make_icmp_error(const IpAddress& from, const IpAddress& to, ByteView original,
                      Unreachable why) {
    const bool v6 = from.is_v6();
    // RFC 4443: as much as fits into the least MTU; RFC 1812 says 576 for IPv4.
    const size_t quoted = std::min<size_t>(original.size(), v6 ? 1232 : 548);
    const std::uint8_t protocol = v6 ? std::uint8_t{IPPROTO_ICMPV6} : std::uint8_t{IPPROTO_ICMP};
    Bytes bytes = begin_packet(from, to, protocol, 8 + quoted);
    const size_t body = bytes.size() - 8 - quoted;
    bytes[body] = v6 ? 1 : 3;
    switch (why) {
        case Unreachable::network:
            bytes[body + 1] = 0;
            break;
        case Unreachable::host:
            bytes[body + 1] = v6 ? 3 : 1;
            break;
        case Unreachable::port:
            bytes[body + 1] = v6 ? 4 : 3;
            break;
        case Unreachable::prohibited:
            bytes[body + 1] = v6 ? 1 : 13;
            break;
    }
    std::copy_n(original.begin(), quoted, bytes.begin() + static_cast<long>(body) + 8);
    put_checksum(bytes, from, to, protocol, body, body + 2);
    return bytes;
}

}  // namespace

std::uint16_t internet_checksum(ByteView bytes, std::uint32_t start) noexcept {
    std::uint32_t total = sum(bytes, start);
    while (total >> 16 != 0) total = (total & 0xffff) + (total >> 16);
    return static_cast<std::uint16_t>(~total);
}

std::optional<Packet> parse_packet(ByteView bytes) {
    Packet packet;
    if (bytes.size() < kV4Head) return std::nullopt;
    if (bytes[0] >> 4 == 4) {
        packet.body = static_cast<size_t>(bytes[0] & 15) * 4;
        packet.size = get16(bytes, 2);
        packet.protocol = bytes[9];
        const bool fragment = (get16(bytes, 6) & 0x3fff) != 0;
        if (packet.body < kV4Head || fragment) return std::nullopt;
        std::copy_n(bytes.begin() + 12, 4, packet.from.address.bytes.begin());
        std::copy_n(bytes.begin() + 16, 4, packet.to.address.bytes.begin());
        if (packet.protocol != IPPROTO_TCP && packet.protocol != IPPROTO_ICMP) return std::nullopt;
    } else if (bytes[0] >> 4 == 6 && bytes.size() >= kV6Head) {
        packet.body = kV6Head;
        packet.size = kV6Head + get16(bytes, 4);
        packet.protocol = bytes[6];
        packet.from.address.family = packet.to.address.family = AF_INET6;
        std::copy_n(bytes.begin() + 8, 16, packet.from.address.bytes.begin());
        std::copy_n(bytes.begin() + 24, 16, packet.to.address.bytes.begin());
        if (packet.protocol != IPPROTO_TCP && packet.protocol != IPPROTO_ICMPV6) {
            return std::nullopt;
        }
    } else {
        return std::nullopt;
    }
    if (packet.size > bytes.size() || packet.size < packet.body) return std::nullopt;
    if (!parse_body(bytes, packet)) return std::nullopt;
    return packet;
}

std::optional<RefusedDatagram> parse_refusal(ByteView bytes, const Packet& packet) {
    const bool v6 = packet.from.address.is_v6();
    if (packet.protocol == IPPROTO_TCP) return std::nullopt;
    if (get16(bytes, packet.body) != (v6 ? 0x0104 : 0x0303)) return std::nullopt;  // type, code
    const ByteView quoted = bytes.first(packet.size).subspan(packet.body + 8);
    const size_t least_head = v6 ? kV6Head : kV4Head;
    if (quoted.size() < least_head || quoted[0] >> 4 != (v6 ? 6 : 4)) return std::nullopt;
    const size_t head = v6 ? kV6Head : static_cast<size_t>(quoted[0] & 15) * 4;
    if (quoted[v6 ? 6 : 9] != IPPROTO_UDP) return std::nullopt;
    if (head < least_head || quoted.size() < head + kUdpHead) return std::nullopt;
    RefusedDatagram refused{{packet.to.address, get16(quoted, head)},
                            {packet.from.address, get16(quoted, head + 2)}};
    // Who refuses is who was written to, and tells whoever wrote.
    const size_t size = refused.to.address.size();
    const size_t at = v6 ? 8 : 12;
    const auto is_at = [&](size_t where, const IpAddress& address) {
        return std::equal(address.bytes.begin(), address.bytes.begin() + static_cast<long>(size),
                          quoted.begin() + static_cast<long>(where));
    };
    if (!is_at(at, refused.from.address) || !is_at(at + size, refused.to.address)) {
        return std::nullopt;
    }
    return refused;
}

void finish_tcp_checksum(Bytes& bytes, const Packet& packet) {
    bytes.resize(packet.size);
    put_checksum(bytes, packet.from.address, packet.to.address, IPPROTO_TCP, packet.body,
                 packet.body + 16);
}

Bytes make_reset(const Packet& refused) {
    const IpAddress& from = refused.to.address;
    const IpAddress& to = refused.from.address;
    Bytes bytes = begin_packet(from, to, IPPROTO_TCP, kTcpHead);
    const size_t body = bytes.size() - kTcpHead;
    set16(bytes, body, refused.to.port);
    set16(bytes, body + 2, refused.from.port);
    set32(bytes, body + 8, refused.sequence + 1 + refused.tcp_payload_bytes);
    bytes[body + 12] = kTcpHead / 4 << 4;
    bytes[body + 13] = kRst | kAck;
    put_checksum(bytes, from, to, IPPROTO_TCP, body, body + 16);
    return bytes;
}

Bytes make_unreachable(ByteView original, const Packet& packet, Unreachable why) {
    return make_icmp_error(packet.to.address, packet.from.address,
                           original.first(std::min(original.size(), packet.size)), why);
}

Bytes make_echo_reply(const Endpoint& from, const Endpoint& to, ByteView message) {
    const bool v6 = from.address.is_v6();
    const std::uint8_t protocol = v6 ? std::uint8_t{IPPROTO_ICMPV6} : std::uint8_t{IPPROTO_ICMP};
    Bytes bytes = begin_packet(from.address, to.address, protocol, message.size());
    const size_t body = bytes.size() - message.size();
    std::copy(message.begin(), message.end(), bytes.begin() + static_cast<long>(body));
    bytes[body] = v6 ? 129 : 0;
    bytes[body + 1] = 0;
    set16(bytes, body + 4, to.port);  // the asker's own id
    put_checksum(bytes, from.address, to.address, protocol, body, body + 2);
    return bytes;
}

Bytes make_datagram(const Endpoint& from, const Endpoint& to, ByteView payload) {
    const size_t size = kUdpHead + payload.size();
    Bytes bytes = begin_packet(from.address, to.address, IPPROTO_UDP, size);
    const size_t body = bytes.size() - size;
    set16(bytes, body, from.port);
    set16(bytes, body + 2, to.port);
    set16(bytes, body + 4, static_cast<std::uint32_t>(size));
    std::copy(payload.begin(), payload.end(), bytes.begin() + static_cast<long>(body + kUdpHead));
    put_checksum(bytes, from.address, to.address, IPPROTO_UDP, body, body + 6);
    return bytes;
}

Bytes make_datagram_unreachable(const Endpoint& from, const Endpoint& to, Unreachable why) {
    const Bytes original = make_datagram(to, from, {});
    return make_icmp_error(from.address, to.address, original, why);
}

}  // namespace sandbox::net
