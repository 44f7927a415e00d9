#include "engine/files/copy_path.hpp"

#include <fcntl.h>
#include <linux/openat2.h>

#include <array>
#include <cerrno>
#include <climits>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;

constexpr int kMaxLinks = 40;  // as the kernel: path_resolution(7)

int open_path(const std::string& path, bool magic) {
    constexpr int kFlags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    open_how how{};
    how.flags = kFlags;
    how.resolve = magic ? 0 : RESOLVE_NO_MAGICLINKS;
    const int rc = raw::openat2(AT_FDCWD, path.c_str(), how);
    return rc == -ENOSYS ? raw::openat(AT_FDCWD, path.c_str(), kFlags) : rc;
}

std::string read_link(const Located& link, const std::string& path) {
    std::array<char, PATH_MAX> text{};
    const long size =
        raw::readlinkat(link.parent.get(), link.name.c_str(), text.data(), text.size());
    if (size < 0) throw SysError(static_cast<int>(-size), "read link", base::quote(path));
    return {text.data(), static_cast<size_t>(size)};
}

// A final "/", "." or ".." names a directory, not an entry of one.
bool names_directory(std::string_view last) {
    return last.empty() || last == "." || last == "..";
}

}  // namespace

std::string CopyPath::name() const {
    return text == "/" ? text : text.substr(text.rfind('/') + 1);
}

CopyPath parse_copy_path(std::string_view typed, const std::string& base_dir) {
    CopyPath path;
    path.typed = typed;
    path.slash = typed.ends_with('/');
    path.contents = typed == "." || typed.ends_with("/.");
    path.text = base::clean_path(typed.starts_with('/') ? std::string(typed)
                                                        : base_dir + "/" + std::string(typed));
    return path;
}

Located locate(const std::string& path, bool follow, bool magic) {
    std::string current = path;
    for (int links = 0; links <= kMaxLinks; ++links) {
        const size_t slash = current.rfind('/');
        const std::string dir = slash == 0 ? "/" : current.substr(0, slash);
        Located found;
        found.name = current.substr(slash + 1);
        const bool whole = names_directory(found.name);
        const int rc = open_path(whole ? current : dir, magic);
        if (rc < 0) throw SysError(-rc, "open", base::quote(whole ? current : dir));
        found.parent = UniqueFd(rc);
        if (whole) found.name = ".";
        if (::fstatat(found.parent.get(), found.name.c_str(), &found.info, AT_SYMLINK_NOFOLLOW) !=
            0) {
            if (errno != ENOENT) throw SysError(errno, "look at", base::quote(current));
            return found;
        }
        found.exists = true;
        if (!follow || !S_ISLNK(found.info.st_mode)) return found;
        const std::string target = read_link(found, current);
        current = target.starts_with('/') ? target : (dir == "/" ? "" : dir) + "/" + target;
    }
    throw SysError(ELOOP, "follow", base::quote(path));
}

}  // namespace sandbox::engine
