#include "registry/transport.hpp"

#include <algorithm>

namespace sandbox::registry {

std::string_view HttpHead::find(std::string_view name) const noexcept {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return {};
}

bool HttpHead::has(std::string_view name) const noexcept {
    return std::any_of(headers.begin(), headers.end(),
                       [&](const auto& header) { return header.first == name; });
}

}  // namespace sandbox::registry
