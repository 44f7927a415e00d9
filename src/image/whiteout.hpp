// Whiteouts: how a layer says that something of the layers below is gone. See whiteout.cpp.
#pragma once

#include <string>
#include <string_view>

namespace sandbox::image {

enum class WhiteoutKind {
    none,      // an ordinary entry
    hide,      // ".wh.NAME": NAME of the lower layers is gone
    opaque,    // ".wh..wh..opq": everything of the lower layers in this directory is gone
    metadata,  // ".wh..wh.…": aufs's own book-keeping, means nothing to others
};
struct Whiteout {
    WhiteoutKind kind = WhiteoutKind::none;
    std::string path;  // hide: of what is hidden; opaque: of the directory
};

inline constexpr const char* kOpaqueXattr = "user.overlay.opaque";

// `clean_path` as clean_entry_path() answers it. Throws IntegrityError "bad whiteout" on
// ".wh.", ".wh..", ".wh..." and on entries below a directory of such a name.
[[nodiscard]] Whiteout parse_whiteout(std::string_view clean_path);

// The overlay forms. `name` in `parent_fd`; both answer -errno.
int make_hide_mark(int parent_fd, const char* name) noexcept;
int make_opaque(int dir_fd) noexcept;

}  // namespace sandbox::image
