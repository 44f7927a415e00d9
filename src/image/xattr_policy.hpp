// Which extended attributes of a tar may be set on a file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandbox::image {

enum class XattrRule {
    keep,
    file_capability,  // security.capability: see portable_capability()
    overlay,          // user.overlay.*, trusted.overlay.*: instructions to the kernel, dropped
    host,             // trusted.*, security.*, …: of the machine that made the image, dropped
};
[[nodiscard]] XattrRule xattr_rule(std::string_view name) noexcept;

// The value of security.capability as version 2. Set inside a user namespace, the kernel makes it
// version 3 with that namespace's root (capabilities(7), "File capability extended attribute
// versioning"); a root id that the tar carries belongs to another machine. NET_RAW alone, which no
// container has unless it is asked for, loses the effective flag. Absent: malformed.
[[nodiscard]] std::optional<std::string> portable_capability(std::string_view value);

}  // namespace sandbox::image
