// Which part of the world an IP address belongs to, and who may send us where. A registry on the
// internet must not make us talk to this machine, its network or a cloud's metadata service.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::registry {

enum class AddressClass {
    global,       // the internet
    private_net,  // RFC 1918, RFC 6598, RFC 4193, benchmarks
    loopback,     // 127/8, ::1
    reserved,     // "this host", link-local (metadata services), multicast, broadcast
};

struct IpAddress {
    bool v6 = false;
    std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 uses the first four
};

// Dotted quad with four decimal parts and no leading zeros, or IPv6 without brackets and zone.
[[nodiscard]] std::optional<IpAddress> try_parse_address(std::string_view text);
[[nodiscard]] std::optional<IpAddress> try_from_sockaddr(const sockaddr* address,
                                                         socklen_t size_bytes) noexcept;
// Addresses that carry an IPv4 address inside (mapped, NAT64, 6to4) are judged by that.
[[nodiscard]] AddressClass classify(const IpAddress& address) noexcept;
// Judged by the name alone: literals, and "localhost" (RFC 6761). Other names count as global.
[[nodiscard]] AddressClass classify_host(std::string_view host);
[[nodiscard]] bool is_loopback_host(std::string_view host);
// May a server of class `origin` send us to one of class `target`?
[[nodiscard]] bool may_send_to(AddressClass origin, AddressClass target) noexcept;
[[nodiscard]] std::string_view class_name(AddressClass address_class) noexcept;

}  // namespace sandbox::registry
