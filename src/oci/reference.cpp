// docker's grammar of references:
//   [domain "/"] component {"/" component} [":" tag] ["@" digest]
// The first component is a domain when it has a "." or ":", an upper-case letter, or is localhost.
#include "sandbox/oci/reference.hpp"

#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::oci {
namespace {

constexpr std::string_view kDefaultDomain = "docker.io";
constexpr std::string_view kLegacyDomain = "index.docker.io";
constexpr std::string_view kOfficial = "library/";
constexpr size_t kMaxNameLength = 255;
constexpr size_t kMaxTagLength = 128;
constexpr size_t kIdDigits = 64;

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
    constexpr size_t kShown = 300;
    throw base::UsageError("invalid reference format: " + std::string(why) + ": " +
                               base::quote(text.substr(0, kShown)),
                           {}, base::exit_code::kEngine);
}

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_lower(char c) noexcept {
    return c >= 'a' && c <= 'z';
}
bool is_upper(char c) noexcept {
    return c >= 'A' && c <= 'Z';
}
bool is_alnum(char c) noexcept {
    return is_digit(c) || is_lower(c) || is_upper(c);
}
bool is_lower_alnum(char c) noexcept {
    return is_digit(c) || is_lower(c);
}
bool is_lower_hex(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f');
}
bool is_hex(char c) noexcept {
    return is_lower_hex(c) || (c >= 'A' && c <= 'F');
}
bool is_word(char c) noexcept {
    return is_alnum(c) || c == '_';
}

template <typename Predicate>
bool all(std::string_view text, Predicate predicate) {
    return std::all_of(text.begin(), text.end(), predicate);
}

bool looks_like_domain(std::string_view component) {
    return component.find_first_of(".:") != component.npos || component == "localhost" ||
           std::any_of(component.begin(), component.end(), is_upper);
}

bool is_full_id(std::string_view text) {
    return text.size() == kIdDigits && all(text, is_lower_hex);
}

// Letters, digits and inner dashes.
bool is_host_label(std::string_view label) {
    return !label.empty() && is_alnum(label.front()) && is_alnum(label.back()) &&
           all(label, [](char c) { return is_alnum(c) || c == '-'; });
}

bool is_port(std::string_view text) {
    const auto port = base::try_parse_u64(text);
    return port && *port > 0 && *port <= 65535 && text.size() <= 5;
}

// "host", "host:port", "[::1]", "[::1]:port"
bool is_domain(std::string_view text) {
    size_t host_end = text.find(':');
    if (!text.empty() && text.front() == '[') {
        const size_t bracket = text.find(']');
        if (bracket == text.npos || bracket == 1) return false;
        const auto of_address = [](char c) { return is_hex(c) || c == ':'; };
        if (!all(text.substr(1, bracket - 1), of_address)) return false;
        host_end = bracket + 1;
        if (host_end == text.size()) return true;
        if (text[host_end] != ':') return false;
    } else {
        std::string_view host = text.substr(0, host_end);
        for (;;) {
            const size_t dot = host.find('.');
            if (!is_host_label(host.substr(0, dot))) return false;
            if (dot == host.npos) break;
            host.remove_prefix(dot + 1);
        }
        if (host_end == text.npos) return true;
    }
    return is_port(text.substr(host_end + 1));
}

// Lower-case letters and digits, between them ".", "_", "__" or dashes.
bool is_path_component(std::string_view text) {
    bool after_separator = true;  // one must not come first
    while (!text.empty()) {
        if (is_lower_alnum(text.front())) {
            text.remove_prefix(1);
            after_separator = false;
            continue;
        }
        if (after_separator) return false;
        size_t size = 0;
        if (text.front() == '-') {
            size = std::min(text.find_first_not_of('-'), text.size());
        } else if (text.substr(0, 2) == "__") {
            size = 2;
        } else if (text.front() == '.' || text.front() == '_') {
            size = 1;
        } else {
            return false;
        }
        text.remove_prefix(size);
        after_separator = true;
    }
    return !after_separator;
}

bool is_path(std::string_view text) {
    for (;;) {
        const size_t slash = text.find('/');
        if (!is_path_component(text.substr(0, slash))) return false;
        if (slash == text.npos) return true;
        text.remove_prefix(slash + 1);
    }
}

bool is_tag(std::string_view text) {
    return !text.empty() && text.size() <= kMaxTagLength && is_word(text.front()) &&
           all(text, [](char c) { return is_word(c) || c == '.' || c == '-'; });
}

Digest parse_digest(std::string_view text, std::string_view whole) {
    try {
        return Digest::parse(text);
    } catch (const base::IntegrityError&) {
        refuse(whole, "bad digest");
    }
}

}  // namespace

Reference Reference::parse(std::string_view text) {
    if (text.empty()) refuse(text, "empty name");
    if (is_full_id(text)) {
        refuse(text, "64 hexadecimal digits are an image id, not a repository name");
    }
    Reference result;
    std::string_view rest = text;
    result.domain_ = kDefaultDomain;
    const size_t slash = rest.find('/');
    if (slash != rest.npos && looks_like_domain(rest.substr(0, slash))) {
        result.domain_ = rest.substr(0, slash);
        rest.remove_prefix(slash + 1);
        if (!is_domain(result.domain_)) refuse(text, "bad registry name");
        if (result.domain_ == kLegacyDomain) result.domain_ = kDefaultDomain;
    }
    if (const size_t at = rest.find('@'); at != rest.npos) {
        result.digest_ = parse_digest(rest.substr(at + 1), text);
        rest = rest.substr(0, at);
    }
    if (const size_t colon = rest.find(':'); colon != rest.npos) {
        const std::string_view tag = rest.substr(colon + 1);
        if (!is_tag(tag)) refuse(text, "bad tag");
        result.tag_ = tag;
        rest = rest.substr(0, colon);
    } else if (!result.digest_) {
        result.tag_ = "latest";
    }
    if (std::any_of(rest.begin(), rest.end(), is_upper)) {
        refuse(text, "repository name must be lowercase");
    }
    if (!is_path(rest)) refuse(text, "bad repository name");
    const bool official = result.domain_ == kDefaultDomain && rest.find('/') == rest.npos;
    result.path_ = std::string(official ? kOfficial : "").append(rest);
    if (result.name().size() > kMaxNameLength) refuse(text, "name longer than 255 characters");
    return result;
}

std::string Reference::familiar_name() const {
    if (domain_ != kDefaultDomain) return name();
    std::string_view path = path_;
    if (path.substr(0, kOfficial.size()) == kOfficial &&
        path.find('/', kOfficial.size()) == path.npos) {
        path.remove_prefix(kOfficial.size());
    }
    // Never a short form that would be read as something else.
    const size_t slash = path.find('/');
    const bool ambiguous =
        (slash != path.npos && looks_like_domain(path.substr(0, slash))) || is_full_id(path);
    return ambiguous ? name() : std::string(path);
}

std::string Reference::str() const {
    std::string text = name();
    if (tag_) text.append(":").append(*tag_);
    if (digest_) text.append("@").append(digest_->str());
    return text;
}

std::string Reference::familiar() const {
    std::string text = familiar_name();
    if (tag_) text.append(":").append(*tag_);
    if (digest_) text.append("@").append(digest_->str());
    return text;
}

Reference Reference::with_tag(std::string tag) const {
    if (!is_tag(tag)) refuse(name() + ":" + tag, "bad tag");
    Reference result = *this;
    result.tag_ = std::move(tag);
    result.digest_.reset();
    return result;
}

Reference Reference::with_digest(const Digest& digest) const {
    Reference result = *this;
    result.tag_.reset();
    result.digest_ = digest;
    return result;
}

bool looks_like_id(std::string_view text) noexcept {
    return text.size() >= 2 && text.size() <= kIdDigits && all(text, is_lower_hex);
}

}  // namespace sandbox::oci
