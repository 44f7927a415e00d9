#include "sandbox/net/address.hpp"

#include <arpa/inet.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::net {
namespace {

bool same_prefix(const IpAddress& a, const IpAddress& b, unsigned bits) noexcept {
    if (a.family != b.family) return false;
    const size_t whole = bits / 8;
    if (std::memcmp(a.bytes.data(), b.bytes.data(), whole) != 0) return false;
    const unsigned rest = bits % 8;
    if (rest == 0) return true;
    const unsigned mask = 0xffu << (8 - rest) & 0xffu;
    return ((a.bytes[whole] ^ b.bytes[whole]) & mask) == 0;
}

}  // namespace

bool IpAddress::is_any() const noexcept {
    return std::all_of(bytes.begin(), bytes.begin() + static_cast<long>(size()),
                       [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const noexcept {
    if (!is_v6()) return bytes[0] == 127;
    IpAddress one;
    one.family = AF_INET6;
    one.bytes[15] = 1;
    return *this == one;
}

bool IpAddress::is_link_local() const noexcept {
    if (!is_v6()) return bytes[0] == 169 && bytes[1] == 254;
    return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool IpAddress::is_multicast() const noexcept {
    return is_v6() ? bytes[0] == 0xff : (bytes[0] & 0xf0) == 0xe0;
}

std::string IpAddress::str() const {
    std::array<char, INET6_ADDRSTRLEN> text{};
    (void)::inet_ntop(family, bytes.data(), text.data(), text.size());
    return text.data();
}

std::optional<IpAddress> try_parse_address(std::string_view text) {
    if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
        text = text.substr(1, text.size() - 2);
        if (text.find(':') == std::string_view::npos) return std::nullopt;
    }
    const std::string zero_ended(text);
    if (zero_ended.size() != std::strlen(zero_ended.c_str())) return std::nullopt;
    IpAddress address;
    if (::inet_pton(AF_INET, zero_ended.c_str(), address.bytes.data()) == 1) return address;
    address.family = AF_INET6;
    if (::inet_pton(AF_INET6, zero_ended.c_str(), address.bytes.data()) == 1) return address;
    return std::nullopt;
}

IpAddress unmapped(const IpAddress& address) noexcept {
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (!address.is_v6() || !std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) {
        return address;
    }
    IpAddress v4;
    std::copy_n(address.bytes.begin() + 12, 4, v4.bytes.begin());
    return v4;
}

std::string Endpoint::str() const {
    const std::string text = address.is_v6() ? "[" + address.str() + "]" : address.str();
    return text + ":" + std::to_string(port);
}

socklen_t to_sockaddr(const Endpoint& endpoint, sockaddr_storage& out) noexcept {
    std::memset(&out, 0, sizeof out);
    if (endpoint.address.is_v6()) {
        sockaddr_in6 v6{};
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(endpoint.port);
        std::memcpy(&v6.sin6_addr, endpoint.address.bytes.data(), 16);
        std::memcpy(&out, &v6, sizeof v6);
        return sizeof v6;
    }
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, endpoint.address.bytes.data(), 4);
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
}

Endpoint from_sockaddr(const sockaddr_storage& in) noexcept {
    Endpoint endpoint;
    if (in.ss_family == AF_INET6) {
        sockaddr_in6 v6{};
        std::memcpy(&v6, &in, sizeof v6);
        endpoint.address.family = AF_INET6;
        std::memcpy(endpoint.address.bytes.data(), &v6.sin6_addr, 16);
        endpoint.address = unmapped(endpoint.address);
        endpoint.port = ntohs(v6.sin6_port);
    } else if (in.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &in, sizeof v4);
        std::memcpy(endpoint.address.bytes.data(), &v4.sin_addr, 4);
        endpoint.port = ntohs(v4.sin_port);
    }
    return endpoint;
}

bool Subnet::contains(const IpAddress& address) const noexcept {
    return same_prefix(base, address, prefix);
}

bool Subnet::overlaps(const Subnet& other) const noexcept {
    return same_prefix(base, other.base, std::min(prefix, other.prefix));
}

IpAddress Subnet::at(std::uint64_t offset) const noexcept {
    IpAddress address = base;
    for (size_t i = address.size(); i-- > 0 && offset != 0; offset >>= 8) {
        const std::uint64_t sum = address.bytes[i] + (offset & 0xff);
        address.bytes[i] = static_cast<std::uint8_t>(sum);
        if (sum > 0xff) offset += 0x100;  // the carry
    }
    return address;
}

std::string Subnet::str() const {
    return base.str() + "/" + std::to_string(prefix);
}

std::optional<Subnet> try_parse_subnet(std::string_view text) {
    const size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto address = try_parse_address(text.substr(0, slash));
    const auto prefix = base::try_parse_u64(text.substr(slash + 1));
    if (!address || !prefix || *prefix > address->size() * 8) return std::nullopt;
    const Subnet subnet{*address, static_cast<std::uint8_t>(*prefix)};
    for (size_t bit = *prefix; bit < address->size() * 8; ++bit) {
        if ((address->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) return std::nullopt;
    }
    return subnet;
}

MacAddress random_mac() {
    MacAddress mac{};
    if (::getrandom(mac.data(), mac.size(), 0) != static_cast<ssize_t>(mac.size())) {
        throw base::SysError(errno, "get random bytes");
    }
    mac[0] = static_cast<std::uint8_t>((mac[0] & 0xfe) | 0x02);
    return mac;
}

MacAddress mac_for(const IpAddress& address) noexcept {
    constexpr std::uint8_t kLocalUnicast = 0x02, kOurs = 0x5b;
    return {kLocalUnicast,    kOurs,           address.bytes[0], address.bytes[1],
            address.bytes[2], address.bytes[3]};
}

std::optional<MacAddress> try_parse_mac(std::string_view text) {
    constexpr size_t kChars = 17;
    if (text.size() != kChars) return std::nullopt;
    MacAddress mac{};
    const auto digit = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        const char low = static_cast<char>(c | 0x20);
        return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
    };
    for (size_t i = 0; i < mac.size(); ++i) {
        const int high = digit(text[3 * i]), low = digit(text[3 * i + 1]);
        const bool ends = i + 1 == mac.size() || text[3 * i + 2] == ':' || text[3 * i + 2] == '-';
        if (high < 0 || low < 0 || !ends) return std::nullopt;
        mac[i] = static_cast<std::uint8_t>(high << 4 | low);
    }
    if ((mac[0] & 1) != 0) return std::nullopt;
    return mac;
}

std::string mac_text(const MacAddress& mac) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    for (const std::uint8_t byte : mac) {
        if (!text.empty()) text += ':';
        text += kDigits[byte >> 4];
        text += kDigits[byte & 15];
    }
    return text;
}

}  // namespace sandbox::net
