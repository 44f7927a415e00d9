#include "registry/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace sandbox::registry {

namespace {

AddressClass classify_v4(const std::uint8_t* b) noexcept {
    // RFC 6890 and its registry of special-purpose addresses.
    if (b[0] == 127) return AddressClass::loopback;
    if (b[0] == 0 || b[0] >= 224 || (b[0] == 169 && b[1] == 254)) return AddressClass::reserved;
    if (b[0] == 10 || (b[0] == 172 && (b[1] & 0xf0) == 16) || (b[0] == 192 && b[1] == 168) ||
        (b[0] == 100 && (b[1] & 0xc0) == 64) || (b[0] == 192 && b[1] == 0 && b[2] == 0) ||
        (b[0] == 198 && (b[1] & 0xfe) == 18)) {
        return AddressClass::private_net;
    }
    return AddressClass::global;
}

AddressClass classify_v6(const std::uint8_t* b) noexcept {
    const bool high_zero = std::all_of(b, b + 10, [](std::uint8_t x) { return x == 0; });
    if (high_zero && b[10] == 0xff && b[11] == 0xff) return classify_v4(b + 12);
    if (high_zero && b[10] == 0 && b[11] == 0) {
        const bool middle_zero = b[12] == 0 && b[13] == 0 && b[14] == 0;
        if (middle_zero && b[15] == 1) return AddressClass::loopback;
        if (middle_zero && b[15] == 0) return AddressClass::reserved;
        return classify_v4(b + 12);  // deprecated IPv4-compatible form
    }
    constexpr std::uint8_t kNat64[12] = {0x00, 0x64, 0xff, 0x9b};  // RFC 6052
    if (std::memcmp(b, kNat64, sizeof kNat64) == 0) return classify_v4(b + 12);
    if (b[0] == 0x20 && b[1] == 0x02) return classify_v4(b + 2);  // RFC 3056
    if ((b[0] & 0xfe) == 0xfc || (b[0] == 0xfe && (b[1] & 0xc0) == 0xc0)) {
        return AddressClass::private_net;
    }
    if ((b[0] == 0xfe && (b[1] & 0xc0) == 0x80) || b[0] == 0xff) return AddressClass::reserved;
    return AddressClass::global;
}

}  // namespace

std::optional<IpAddress> try_parse_address(std::string_view text) {
    if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
    const std::string copy(text);  // inet_pton wants a NUL; a NUL inside shortens and fails below
    if (copy.find('\0') != std::string::npos) return std::nullopt;
    IpAddress address;
    if (inet_pton(AF_INET, copy.c_str(), address.bytes.data()) == 1) return address;
    if (inet_pton(AF_INET6, copy.c_str(), address.bytes.data()) == 1) {
        address.v6 = true;
        return address;
    }
    return std::nullopt;
}

std::optional<IpAddress> try_from_sockaddr(const sockaddr* address, socklen_t size_bytes) noexcept {
    IpAddress out;
    if (address->sa_family == AF_INET && size_bytes >= sizeof(sockaddr_in)) {
        sockaddr_in in{};
        std::memcpy(&in, address, sizeof in);
        std::memcpy(out.bytes.data(), &in.sin_addr, 4);
        return out;
    }
    if (address->sa_family == AF_INET6 && size_bytes >= sizeof(sockaddr_in6)) {
        sockaddr_in6 in{};
        std::memcpy(&in, address, sizeof in);
        std::memcpy(out.bytes.data(), &in.sin6_addr, 16);
        out.v6 = true;
        return out;
    }
    return std::nullopt;
}

AddressClass classify(const IpAddress& address) noexcept {
    return address.v6 ? classify_v6(address.bytes.data()) : classify_v4(address.bytes.data());
}

AddressClass classify_host(std::string_view host) {
    if (const auto address = try_parse_address(host)) return classify(*address);
    while (!host.empty() && host.back() == '.') host.remove_suffix(1);
    if (host == "localhost" || host.ends_with(".localhost")) return AddressClass::loopback;
    return AddressClass::global;
}

bool is_loopback_host(std::string_view host) {
    return classify_host(host) == AddressClass::loopback;
}

bool may_send_to(AddressClass origin, AddressClass target) noexcept {
    switch (target) {
        case AddressClass::global:
            return true;
        case AddressClass::private_net:
            return origin == AddressClass::private_net || origin == AddressClass::loopback;
        case AddressClass::loopback:
            return origin == AddressClass::loopback;
        case AddressClass::reserved:
            return false;
    }
    return false;
}

std::string_view class_name(AddressClass address_class) noexcept {
    switch (address_class) {
        case AddressClass::global:
            return "public";
        case AddressClass::private_net:
            return "private";
        case AddressClass::loopback:
            return "loopback";
        case AddressClass::reserved:
            return "link-local or reserved";
    }
    return "unknown";
}

}  // namespace sandbox::registry
