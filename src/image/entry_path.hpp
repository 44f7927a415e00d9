// Names in a layer, made canonical before anything is done with them: relative, without empty, "."
// and ".." components. What would leave the root is refused.
#pragma once

#include <string>
#include <string_view>

namespace sandbox::image {

// More than any program can say to the kernel at once (PATH_MAX is 4096, so 2048 levels): beyond
// that are only layers that want to keep us busy, each level with a directory and a name to keep.
inline constexpr size_t kMaxPathBytes = 16384;
inline constexpr size_t kMaxPathDepth = 2048;

// "./a//b/" → "a/b", "/etc/x" → "etc/x", "a/../b" → "b", "./" → "". Throws IntegrityError "bad
// path" when ".." would climb above the root.
[[nodiscard]] std::string clean_entry_path(std::string_view path);
// Throws IntegrityError "bad path" when it is longer or deeper than that.
void check_entry_path(std::string_view clean_path);
struct SplitPath {
    std::string_view parent;  // "" is the root
    std::string_view name;
};
[[nodiscard]] SplitPath split_entry_path(std::string_view clean_path) noexcept;
// Would a symlink at `clean_path` with this relative text climb above the root? Absolute text never
// does: it is looked up from the root.
[[nodiscard]] bool climbs_above_root(std::string_view clean_path, std::string_view link_text);

}  // namespace sandbox::image
