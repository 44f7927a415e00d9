// Internet addresses, endpoints and subnets as values. Not for: names, sockets.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::net {

// IPv4 or IPv6; the default is 0.0.0.0. An IPv4 address uses the first four bytes.
struct IpAddress {
    std::uint8_t family = AF_INET;  // AF_INET or AF_INET6
    std::array<std::uint8_t, 16> bytes{};
    auto operator<=>(const IpAddress&) const = default;

    [[nodiscard]] bool is_v6() const noexcept { return family == AF_INET6; }
    [[nodiscard]] size_t size() const noexcept { return is_v6() ? 16 : 4; }
    [[nodiscard]] bool is_any() const noexcept;
    [[nodiscard]] bool is_loopback() const noexcept;    // 127/8, ::1
    [[nodiscard]] bool is_link_local() const noexcept;  // 169.254/16, fe80::/10
    [[nodiscard]] bool is_multicast() const noexcept;   // 224/4, ff00::/8
    [[nodiscard]] std::string str() const;
};
// "10.0.0.1", "fd00::1", "[fd00::1]". Absent when it is no address (scope ids are none).
[[nodiscard]] std::optional<IpAddress> try_parse_address(std::string_view text);
// ::ffff:a.b.c.d becomes a.b.c.d; anything else stays.
[[nodiscard]] IpAddress unmapped(const IpAddress& address) noexcept;

struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;  // host byte order
    auto operator<=>(const Endpoint&) const = default;
    [[nodiscard]] std::string str() const;  // "10.0.0.1:80", "[fd00::1]:80"
};
// Answers the size that bind(2) and the like want.
socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& out) noexcept;
// Port 0 and 0.0.0.0 when it is of another family. Mapped addresses are unmapped.
[[nodiscard]] Endpoint from_sockaddr(const sockaddr_storage& in) noexcept;

struct Subnet {
    IpAddress base;  // host bits are zero
    std::uint8_t prefix = 0;
    auto operator<=>(const Subnet&) const = default;
    [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
    [[nodiscard]] bool overlaps(const Subnet& other) const noexcept;
    // The address `offset` after the base. Must stay inside the subnet.
    [[nodiscard]] IpAddress at(std::uint64_t offset) const noexcept;
    [[nodiscard]] std::string str() const;
};
// "10.89.0.0/24". Absent when malformed or when host bits are set.
[[nodiscard]] std::optional<Subnet> try_parse_subnet(std::string_view text);

using MacAddress = std::array<std::uint8_t, 6>;
[[nodiscard]] MacAddress random_mac();  // local, for one station
// Of a container on a shared network, from its IPv4 address: who has spoken to the address before
// knows the hardware address of whoever has it next.
[[nodiscard]] MacAddress mac_for(const IpAddress& address) noexcept;
// "02:1f:aa:bb:cc:dd". Absent when it is none, or one for several stations.
[[nodiscard]] std::optional<MacAddress> try_parse_mac(std::string_view text);
[[nodiscard]] std::string mac_text(const MacAddress& mac);  // "02:1f:…"

}  // namespace sandbox::net
