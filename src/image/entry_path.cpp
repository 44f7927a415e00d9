#include "image/entry_path.hpp"

#include <algorithm>
#include <optional>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

// Appends the components of `path` to `result`; false when ".." finds nothing to take away.
bool append_components(std::string& result, std::string_view path) {
    while (!path.empty()) {
        const size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
        if (part.empty() || part == ".") continue;
        if (part == "..") {
            if (result.empty()) return false;
            const size_t last = result.rfind('/');
            result.resize(last == std::string::npos ? 0 : last);
            continue;
        }
        if (!result.empty()) result += '/';
        result += part;
    }
    return true;
}

}  // namespace

std::string clean_entry_path(std::string_view path) {
    std::string result;
    result.reserve(path.size());
    if (!append_components(result, path))
        throw base::IntegrityError("bad path " + base::quote(path) + ": it leaves the root");
    return result;
}

void check_entry_path(std::string_view clean_path) {
    constexpr size_t kShownBytes = 200;
    const auto refuse = [&](const std::string& why) {
        throw base::IntegrityError("bad path " + base::quote(clean_path.substr(0, kShownBytes)) +
                                   "...: " + why);
    };
    if (clean_path.size() > kMaxPathBytes)
        refuse("longer than " + std::to_string(kMaxPathBytes) + " bytes");
    const auto slashes = std::count(clean_path.begin(), clean_path.end(), '/');
    if (static_cast<size_t>(slashes) >= kMaxPathDepth)
        refuse("deeper than " + std::to_string(kMaxPathDepth) + " directories");
}

SplitPath split_entry_path(std::string_view clean_path) noexcept {
    const size_t slash = clean_path.rfind('/');
    if (slash == std::string_view::npos) return {{}, clean_path};
    return {clean_path.substr(0, slash), clean_path.substr(slash + 1)};
}

bool climbs_above_root(std::string_view clean_path, std::string_view link_text) {
    if (link_text.starts_with('/')) return false;
    std::string place(split_entry_path(clean_path).parent);
    return !append_components(place, link_text);
}

}  // namespace sandbox::image
