#include "sandbox/oci/digest.hpp"

#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::oci {
namespace {

constexpr size_t kHexDigits = 64;

bool is_lower_hex(std::string_view text) noexcept {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

[[noreturn]] void refuse(std::string_view text) {
    constexpr size_t kShown = 100;
    throw base::IntegrityError("bad digest " + base::quote(text.substr(0, kShown)),
                               "only sha256 with 64 lower-case hex digits is known");
}

}  // namespace

Digest Digest::parse(std::string_view text) {
    constexpr std::string_view kAlgorithm = "sha256:";
    if (text.substr(0, kAlgorithm.size()) != kAlgorithm) refuse(text);
    const std::string_view hex = text.substr(kAlgorithm.size());
    if (hex.size() != kHexDigits || !is_lower_hex(hex)) refuse(text);
    return Digest(std::string(hex));
}

Digest Digest::from_hex(std::string_view hex) {
    if (hex.size() != kHexDigits || !is_lower_hex(hex)) refuse(hex);
    return Digest(std::string(hex));
}

Digest Digest::of(std::string_view content) {
    return Digest(base::sha256_hex(content));
}

ChainId ChainId::make(const ChainId* parent, const DiffId& diff) {
    if (parent == nullptr) return ChainId{diff.digest};
    return ChainId{Digest::of(parent->digest.str() + " " + diff.digest.str())};
}

}  // namespace sandbox::oci
