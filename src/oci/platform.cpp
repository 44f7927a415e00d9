#include "sandbox/oci/platform.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::oci {
namespace {

struct Alias {
    std::string_view name;
    std::string_view architecture;
    std::string_view variant;
};

// What uname(2), distributions and people say, in Go's words.
constexpr std::array<Alias, 15> kAliases{{
    {"x86_64", "amd64", ""},
    {"x86-64", "amd64", ""},
    {"i386", "386", ""},
    {"i486", "386", ""},
    {"i586", "386", ""},
    {"i686", "386", ""},
    {"aarch64", "arm64", ""},
    {"armv8l", "arm", "v8"},
    {"armv7l", "arm", "v7"},
    {"armhf", "arm", "v7"},
    {"armv6l", "arm", "v6"},
    {"armel", "arm", "v6"},
    {"armv5tel", "arm", "v5"},
    {"loongarch64", "loong64", ""},
    {"ppc64el", "ppc64le", ""},
}};

bool is_word(std::string_view text) noexcept {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '_' || c == '-';
    });
}

bool is_known_os(std::string_view os) noexcept {
    constexpr std::array<std::string_view, 6> kSystems{"linux",   "windows", "darwin",
                                                       "freebsd", "openbsd", "wasip1"};
    return std::find(kSystems.begin(), kSystems.end(), os) != kSystems.end();
}

Platform normalised(Platform platform) {
    platform.os = base::to_lower(platform.os);
    platform.architecture = base::to_lower(platform.architecture);
    platform.variant = base::to_lower(platform.variant);
    if (platform.os == "macos") platform.os = "darwin";
    for (const Alias& alias : kAliases) {
        if (alias.name != platform.architecture) continue;
        platform.architecture = alias.architecture;
        if (platform.variant.empty()) platform.variant = alias.variant;
        break;
    }
    const bool bare_number =
        platform.variant.size() == 1 && platform.variant[0] >= '0' && platform.variant[0] <= '9';
    if (bare_number) platform.variant.insert(0, "v");
    // The first of its kind goes without saying; plain "arm" has meant v7 since docker ran on it.
    if (platform.architecture == "amd64" && platform.variant == "v1") platform.variant.clear();
    if (platform.architecture == "arm64" && platform.variant == "v8") platform.variant.clear();
    if (platform.architecture == "arm" && platform.variant.empty()) platform.variant = "v7";
    return platform;
}

// "v7" → 7. Absent: not of that form.
std::optional<int> try_level(std::string_view variant) noexcept {
    if (variant.size() != 2 || variant[0] != 'v' || variant[1] < '0' || variant[1] > '9') {
        return std::nullopt;
    }
    return variant[1] - '0';
}

// Levels of an architecture include all lower ones.
std::optional<int> try_level_of(const Platform& platform) noexcept {
    if (!platform.variant.empty()) return try_level(platform.variant);
    if (platform.architecture == "amd64") return 1;
    if (platform.architecture == "arm64") return 8;
    return std::nullopt;
}

}  // namespace

Platform Platform::parse(std::string_view text) {
    const std::vector<std::string> parts = base::split(base::to_lower(text), '/');
    if (parts.size() > 3 || !std::all_of(parts.begin(), parts.end(), is_word)) {
        throw base::UsageError("invalid platform " + base::quote(text),
                               "write it as os/architecture[/variant], like linux/arm64");
    }
    Platform platform;
    if (parts.size() > 1) {
        platform.os = parts[0];
        platform.architecture = parts[1];
        if (parts.size() > 2) platform.variant = parts[2];
    } else if (is_known_os(parts[0])) {
        platform = host();
        platform.os = parts[0];
    } else {
        platform.architecture = parts[0];
    }
    return normalised(std::move(platform));
}

Platform Platform::host() {
    utsname names{};
    if (::uname(&names) != 0) throw base::SysError(errno, "uname");
    Platform platform;
    platform.architecture = static_cast<const char*>(names.machine);
#if defined(__i386__)
    platform.architecture = "386";  // under a 64-bit kernel too
#elif defined(__arm__)
    if (platform.architecture == "aarch64") platform.architecture = "armv8l";
#endif
    return normalised(std::move(platform));
}

std::string Platform::str() const {
    std::string text = os + "/" + architecture;
    if (!variant.empty()) text.append("/").append(variant);
    return text;
}

int Platform::fitness(const Platform& offered) const {
    constexpr int kExact = 100;
    constexpr int kLower = 10;  // plus the level: the highest that runs is the best
    constexpr int kUnsaid = 1;
    const Platform wants = normalised(*this);
    const Platform has = normalised(offered);
    if (wants.os != has.os) return 0;
    if (has.architecture.empty()) return kUnsaid;
    if (wants.architecture != has.architecture) return 0;
    if (wants.variant == has.variant) return kExact;
    const auto wanted_level = try_level_of(wants);
    const auto offered_level = try_level_of(has);
    if (!wanted_level || !offered_level) return wants.variant.empty() ? kUnsaid : 0;
    return *offered_level <= *wanted_level ? kLower + *offered_level : 0;
}

}  // namespace sandbox::oci
