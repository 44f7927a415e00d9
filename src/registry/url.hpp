// An http or https URL in parts. Everything else (other schemes, user:password@, control bytes, odd
// spellings of IPv4 addresses) is refused, so that what is checked is what is connected to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sandbox::registry {

enum class Scheme { http, https };

struct Url {
    Scheme scheme = Scheme::https;
    std::string host;  // lower case; an IPv6 address without its brackets
    std::uint16_t port = 443;
    std::string target = "/";  // path and query; begins with '/'

    // Throws Error. The message never shows path, query or user info: they may carry secrets.
    static Url parse(std::string_view text);
    // host[:port], with brackets where needed; the scheme's default port is left out.
    [[nodiscard]] std::string authority() const;
    [[nodiscard]] std::string origin() const;  // scheme://authority
    [[nodiscard]] std::string str() const { return origin() + target; }
};

// "host", "host:port", "[::1]:5000" → URL with target "/". Throws Error.
[[nodiscard]] Url make_origin(Scheme scheme, std::string_view authority);
// A Location header as seen from `base` (RFC 3986, section 5.2, without dot-segment removal).
[[nodiscard]] Url resolve_location(const Url& base, std::string_view location);
[[nodiscard]] bool same_origin(const Url& a, const Url& b) noexcept;
[[nodiscard]] std::uint16_t default_port(Scheme scheme) noexcept;
[[nodiscard]] std::string percent_encode(std::string_view text);  // all but unreserved characters

}  // namespace sandbox::registry
