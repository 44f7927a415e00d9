#include "image/xattr_policy.hpp"

#include <endian.h>
#include <linux/capability.h>

#include <cstdint>
#include <cstring>

#include "sandbox/image/owner_mark.hpp"

namespace sandbox::image {

XattrRule xattr_rule(std::string_view name) noexcept {
    if (name == "security.capability") return XattrRule::file_capability;
    if (name.starts_with("user.overlay.") || name.starts_with("trusted.overlay."))
        return XattrRule::overlay;
    // Ours, and said by the owner itself: image/owner_mark.hpp.
    if (name == kOwnerAttribute) return XattrRule::host;
    if (name.starts_with("user.") && name.size() > 5) return XattrRule::keep;
    return XattrRule::host;
}

std::optional<std::string> portable_capability(std::string_view value) {
    std::uint32_t magic = 0;
    if (value.size() < sizeof magic) return std::nullopt;
    std::memcpy(&magic, value.data(), sizeof magic);
    magic = le32toh(magic);
    const std::uint32_t revision = magic & VFS_CAP_REVISION_MASK;
    const bool known = (revision == VFS_CAP_REVISION_2 && value.size() == XATTR_CAPS_SZ_2) ||
                       (revision == VFS_CAP_REVISION_3 && value.size() == XATTR_CAPS_SZ_3);
    if (!known) return std::nullopt;
    const std::uint32_t head =
        htole32((magic & ~static_cast<std::uint32_t>(VFS_CAP_REVISION_MASK)) | VFS_CAP_REVISION_2);
    std::string result(value.substr(0, XATTR_CAPS_SZ_2));
    std::memcpy(result.data(), &head, sizeof head);
    // capabilities(7): with the effective flag a file cannot be executed at all where the bounding
    // set lacks one of its capabilities. Distributions give ping just this one, which it does not
    // need and raises itself when it has it.
    constexpr size_t kWord = sizeof(std::uint32_t);
    const std::uint32_t net_raw = htole32(1u << CAP_NET_RAW);
    std::string only_net_raw(XATTR_CAPS_SZ_2 - kWord, '\0');
    std::memcpy(only_net_raw.data(), &net_raw, kWord);
    if (result.compare(kWord, result.npos, only_net_raw) == 0) {
        const std::uint32_t calm = head & ~htole32(VFS_CAP_FLAGS_EFFECTIVE);
        std::memcpy(result.data(), &calm, kWord);
    }
    return result;
}

}  // namespace sandbox::image
