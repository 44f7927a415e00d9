#include "registry/proxy.hpp"

#include <algorithm>
#include <cstring>

#include "registry/address.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

bool in_block(const IpAddress& address, std::string_view block) {
    const size_t slash = block.find('/');
    if (slash == block.npos) return false;
    const auto network = try_parse_address(block.substr(0, slash));
    const auto bits = base::try_parse_u64(block.substr(slash + 1));
    if (!network || !bits || network->v6 != address.v6) return false;
    const size_t width = address.v6 ? 128 : 32;
    if (*bits > width) return false;
    const size_t whole = *bits / 8;
    if (std::memcmp(address.bytes.data(), network->bytes.data(), whole) != 0) return false;
    const unsigned rest = static_cast<unsigned>(*bits % 8);
    if (rest == 0) return true;
    const unsigned mask = (0xffu << (8 - rest)) & 0xffu;
    return (address.bytes[whole] & mask) == (network->bytes[whole] & mask);
}

// "[::1]:80" or "host:80" → the host, and the port when one is named.
std::pair<std::string_view, std::optional<std::uint64_t>> split_port(std::string_view entry) {
    if (entry.starts_with("[")) {
        const size_t end = entry.find(']');
        if (end == entry.npos) return {entry, std::nullopt};
        const std::string_view host = entry.substr(1, end - 1);
        if (end + 2 < entry.size() && entry[end + 1] == ':') {
            return {host, base::try_parse_u64(entry.substr(end + 2))};
        }
        return {host, std::nullopt};
    }
    const size_t colon = entry.find(':');
    if (colon == entry.npos || entry.find(':', colon + 1) != entry.npos) {
        return {entry, std::nullopt};  // no port, or an IPv6 address
    }
    return {entry.substr(0, colon), base::try_parse_u64(entry.substr(colon + 1))};
}

bool matches(const Url& url, const std::optional<IpAddress>& address, std::string_view entry) {
    if (entry == "*") return true;
    if (entry.find('/') != entry.npos) return address && in_block(*address, entry);
    auto [host, port] = split_port(entry);
    if (port && *port != url.port) return false;
    if (address) {
        const auto other = try_parse_address(host);
        return other && other->v6 == address->v6 && other->bytes == address->bytes;
    }
    if (host.starts_with("*.")) host.remove_prefix(1);
    while (host.starts_with(".")) host.remove_prefix(1);
    if (host.empty()) return false;
    return url.host == host || (url.host.size() > host.size() && url.host.ends_with(host) &&
                                url.host[url.host.size() - host.size() - 1] == '.');
}

}  // namespace

bool is_excluded(const Url& url, const std::string& no_proxy) {
    const auto address = try_parse_address(url.host);
    std::string list = base::to_lower(no_proxy);
    std::replace(list.begin(), list.end(), ' ', ',');
    for (const std::string& entry : base::split(list, ',')) {
        const std::string_view text = base::trim(entry);
        if (!text.empty() && matches(url, address, text)) return true;
    }
    return false;
}

std::string proxy_for(const Url& url, const Environment& environment) {
    if (is_loopback_host(url.host)) return {};
    const auto first = [&](std::initializer_list<const char*> names) -> std::string {
        for (const char* name : names) {
            if (auto value = environment(name); value && !value->empty()) return *value;
        }
        return {};
    };
    std::string proxy =
        url.scheme == Scheme::http ? first({"http_proxy"}) : first({"https_proxy", "HTTPS_PROXY"});
    if (proxy.empty()) proxy = first({"all_proxy", "ALL_PROXY"});
    if (proxy.empty() || is_excluded(url, first({"no_proxy", "NO_PROXY"}))) return {};
    if (proxy.find("://") == std::string::npos) proxy.insert(0, "http://");
    for (const char* scheme :
         {"http://", "https://", "socks5://", "socks5h://", "socks4://", "socks4a://"}) {
        if (base::to_lower(proxy.substr(0, std::strlen(scheme))) == scheme) return proxy;
    }
    throw base::Error("the proxy that the environment names is not understood",
                      "http_proxy, https_proxy and all_proxy take http://HOST:PORT");
}

}  // namespace sandbox::registry
