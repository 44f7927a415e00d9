#include "registry/url.hpp"

#include <algorithm>
#include <array>

#include "registry/address.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::registry {

namespace {

constexpr size_t kMaxUrlBytes = 16 * 1024;
constexpr size_t kMaxHostBytes = 253;  // RFC 1035, section 2.3.4

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_alpha(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_unreserved(char c) noexcept {
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

void append_percent(std::string& out, char c) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 0xf];
}

// Path and query as a server may write them, made safe: controls are refused, what RFC 3986 does
// not allow is percent-encoded.
std::string clean_target(std::string_view text) {
    std::string out;
    out.reserve(text.size() + 1);
    if (text.empty() || text.front() != '/') out += '/';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) throw base::Error("bad url: control character");
        const bool encode = byte == ' ' || byte >= 0x80 ||
                            std::string_view("\"<>\\^`{|}").find(c) != std::string_view::npos;
        if (encode) {
            append_percent(out, c);
        } else {
            out += c;
        }
    }
    return out;
}

void check_host_name(std::string_view host) {
    if (host.empty() || host.size() > kMaxHostBytes) throw base::Error("bad url: bad host name");
    for (const char c : host) {
        if (!is_alpha(c) && !is_digit(c) && c != '-' && c != '.' && c != '_') {
            throw base::Error("bad url: bad host name " + base::quote(host));
        }
    }
    if (host.front() == '.' || host.front() == '-') {
        throw base::Error("bad url: bad host name " + base::quote(host));
    }
    // "127.1", "0x7f000001", "2130706433": spellings that resolvers turn into addresses.
    const size_t dot = host.find_last_of('.', host.back() == '.' ? host.size() - 2 : host.npos);
    std::string_view last = dot == host.npos ? host : host.substr(dot + 1);
    if (!last.empty() && last.back() == '.') last.remove_suffix(1);
    const bool numeric = !last.empty() && (std::all_of(last.begin(), last.end(), is_digit) ||
                                           last.starts_with("0x") || last.starts_with("0X"));
    if (numeric && !try_parse_address(host)) {
        throw base::Error("bad url: " + base::quote(host) + " is no plain IPv4 address");
    }
}

std::uint16_t parse_port(std::string_view text) {
    const auto port = base::try_parse_u64(text);
    if (!port || *port == 0 || *port > 65535) throw base::Error("bad url: bad port");
    return static_cast<std::uint16_t>(*port);
}

void parse_authority(std::string_view text, Url& url) {
    if (text.find('@') != text.npos) {
        throw base::Error("bad url: a user name or password in a url is not accepted",
                          "use \"sandbox login\"");
    }
    std::string_view port;
    bool has_port = false;
    if (!text.empty() && text.front() == '[') {
        const size_t end = text.find(']');
        if (end == text.npos) throw base::Error("bad url: bad IPv6 address");
        url.host = base::to_lower(text.substr(1, end - 1));
        const std::string_view rest = text.substr(end + 1);
        if (!rest.empty() && rest.front() != ':') throw base::Error("bad url: bad IPv6 address");
        has_port = !rest.empty();
        if (has_port) port = rest.substr(1);
        if (url.host.find(':') == std::string::npos || !try_parse_address(url.host)) {
            throw base::Error("bad url: bad IPv6 address");
        }
    } else {
        const size_t colon = text.find(':');
        has_port = colon != text.npos;
        url.host = base::to_lower(text.substr(0, colon));
        if (has_port) port = text.substr(colon + 1);
        check_host_name(url.host);
    }
    url.port = has_port ? parse_port(port) : default_port(url.scheme);
}

// The scheme of "scheme:…", lower case; empty when `text` does not begin with one.
std::string scheme_of(std::string_view text) {
    if (text.empty() || !is_alpha(text.front())) return {};
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == ':') return base::to_lower(text.substr(0, i));
        if (!is_alpha(c) && !is_digit(c) && c != '+' && c != '-' && c != '.') return {};
    }
    return {};
}

}  // namespace

std::uint16_t default_port(Scheme scheme) noexcept {
    return scheme == Scheme::http ? 80 : 443;
}

Url Url::parse(std::string_view text) {
    if (text.size() > kMaxUrlBytes) throw base::Error("bad url: too long");
    const std::string scheme = scheme_of(text);
    Url url;
    if (scheme == "http") {
        url.scheme = Scheme::http;
    } else if (scheme != "https") {
        throw base::Error("bad url: scheme " + base::quote(scheme.substr(0, 32)) +
                          " is not http or https");
    }
    text.remove_prefix(scheme.size() + 1);
    if (!text.starts_with("//")) throw base::Error("bad url: no host");
    text.remove_prefix(2);
    text = text.substr(0, text.find('#'));
    const size_t end = text.find_first_of("/?");
    parse_authority(text.substr(0, end), url);
    url.target = clean_target(end == text.npos ? std::string_view() : text.substr(end));
    return url;
}

std::string Url::authority() const {
    std::string out = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != default_port(scheme)) out += ":" + std::to_string(port);
    return out;
}

std::string Url::origin() const {
    return (scheme == Scheme::http ? "http://" : "https://") + authority();
}

Url make_origin(Scheme scheme, std::string_view authority) {
    Url url;
    url.scheme = scheme;
    if (authority.find_first_of("/?#\\") != authority.npos) {
        throw base::Error("bad registry name " + base::quote(authority.substr(0, 256)));
    }
    parse_authority(authority, url);
    return url;
}

Url resolve_location(const Url& base, std::string_view location) {
    location = base::trim(location);
    if (location.size() > kMaxUrlBytes) throw base::Error("bad url: too long");
    if (!scheme_of(location).empty()) return Url::parse(location);
    if (location.starts_with("//")) {
        return Url::parse((base.scheme == Scheme::http ? "http:" : "https:") +
                          std::string(location));
    }
    Url url = base;
    location = location.substr(0, location.find('#'));
    if (location.starts_with("/")) {
        url.target = clean_target(location);
        return url;
    }
    const std::string path = base.target.substr(0, base.target.find('?'));
    if (location.starts_with("?")) {
        url.target = clean_target(path + std::string(location));
    } else if (!location.empty()) {
        url.target = clean_target(path.substr(0, path.rfind('/') + 1) + std::string(location));
    }
    return url;
}

bool same_origin(const Url& a, const Url& b) noexcept {
    return a.scheme == b.scheme && a.port == b.port && a.host == b.host;
}

std::string percent_encode(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
        } else {
            append_percent(out, c);
        }
    }
    return out;
}

}  // namespace sandbox::registry
