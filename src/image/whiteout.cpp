// Theory. A layer is a difference: beside new and changed files its tar names what the layers
// below lose. The format (image-spec layer.md, "Whiteouts", inherited from aufs) writes both cases
// as empty files with reserved names:
//
//   d/.wh.x         x of the lower layers is gone from d. An x of the SAME layer stays, wherever in
//                   the tar it is: the mark speaks of lower layers only.
//   d/.wh..wh..opq  all that lower layers have in d is gone. d's content in the same layer stays,
//                   wherever in the tar it is.
//
// A layer is kept as an overlayfs lower directory, so each mark becomes what overlayfs reads:
//
//   hide    a character device 0:0 named x (mknod of exactly this needs no privilege, vfs_mknod);
//   opaque  the attribute user.overlay.opaque=y on d (the overlay is mounted with userxattr).
//
// The two meet when a layer hides x and has an own x. An own file, link or FIFO covers the lower x
// anyway, so the mark is dropped. An own DIRECTORY x would be merged with the lower x: it must
// become opaque instead. That holds for either order in the tar; tree_writer.cpp sees both.
//
// Since layers are instructions to overlayfs, a tar must not be able to write these instructions
// itself: char devices 0:0 and user.overlay.* attributes in a tar are left out (see xattr_policy).
// Names below ".wh..wh." other than .opq (.wh..wh.plnk, .wh..wh.aufs) are left out as well.
#include "image/whiteout.hpp"

#include <sys/stat.h>

#include "image/entry_path.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

constexpr std::string_view kPrefix = ".wh.";
constexpr std::string_view kMetadataPrefix = ".wh..wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";

[[noreturn]] void refuse(std::string_view path) {
    throw base::IntegrityError("bad whiteout " + base::quote(path));
}

// A directory with a mark's name: aufs's own is skipped, any other is nonsense.
bool is_below_metadata(std::string_view parent, std::string_view whole) {
    while (!parent.empty()) {
        const SplitPath split = split_entry_path(parent);
        if (split.name.starts_with(kMetadataPrefix)) return true;
        if (split.name.starts_with(kPrefix)) refuse(whole);
        parent = split.parent;
    }
    return false;
}

}  // namespace

Whiteout parse_whiteout(std::string_view clean_path) {
    const SplitPath split = split_entry_path(clean_path);
    if (split.parent.find(kPrefix) != std::string_view::npos &&
        is_below_metadata(split.parent, clean_path))
        return {WhiteoutKind::metadata, {}};
    if (!split.name.starts_with(kPrefix)) return {};
    if (split.name == kOpaqueName) return {WhiteoutKind::opaque, std::string(split.parent)};
    if (split.name.starts_with(kMetadataPrefix)) return {WhiteoutKind::metadata, {}};
    const std::string_view hidden = split.name.substr(kPrefix.size());
    if (hidden.empty() || hidden == "." || hidden == "..") refuse(clean_path);
    std::string path(split.parent);
    if (!path.empty()) path += '/';
    path += hidden;
    return {WhiteoutKind::hide, std::move(path)};
}

int make_hide_mark(int parent_fd, const char* name) noexcept {
    return base::raw::mknodat(parent_fd, name, S_IFCHR, 0);
}

int make_opaque(int dir_fd) noexcept {
    return base::raw::fsetxattr(dir_fd, kOpaqueXattr, "y", 1, 0);
}

}  // namespace sandbox::image
