// Names in a layer, made canonical before anything is done with them: relative, without empty, "."
// and ".." components. What would leave the root is refused.
#pragma once

#include <string>
#include <string_view>

namespace sandbox::image {

// "./a//b/" → "a/b", "/etc/x" → "etc/x", "a/../b" → "b", "./" → "". Throws IntegrityError "bad
// path" when ".." would climb above the root.
[[nodiscard]] std::string clean_entry_path(std::string_view path);
struct SplitPath {
    std::string_view parent;  // "" is the root
    std::string_view name;
};
[[nodiscard]] SplitPath split_entry_path(std::string_view clean_path) noexcept;
// Would a symlink at `clean_path` with this relative text climb above the root? Absolute text never
// does: it is looked up from the root.
[[nodiscard]] bool climbs_above_root(std::string_view clean_path, std::string_view link_text);

}  // namespace sandbox::image
