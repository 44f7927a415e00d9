// Directories that a layer implies ("a/b/c" without "a" and "a/b") take what the layer below says
// of them: in the merged view it is the top directory's mode, owner and time that count.
#include <sys/stat.h>
#include <sys/xattr.h>

#include "image/whiteout.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/unpack.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;

bool is_opaque(int dir_fd) {
    char value = 0;
    return ::fgetxattr(dir_fd, kOpaqueXattr, &value, 1) == 1 && value == 'y';
}

enum class Found { here, below, nowhere };
struct Lookup {
    Found found = Found::below;
    UniqueFd dir;
};

// One layer's say on `path`: it has the directory; it has nothing there, so the layer below may
// have it; or it hides what is below (a file, link or mark on the way, or an opaque directory).
Lookup look_up(int layer_fd, const std::string& path) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    bool opaque = false;
    UniqueFd here(raw::openat(layer_fd, ".", kFlags));
    for (const std::string& part : base::split(path, '/')) {
        if (part.empty()) continue;
        opaque = opaque || is_opaque(here.get());
        const int rc = raw::openat(here.get(), part.c_str(), kFlags);
        if (rc == -ENOENT) return {opaque ? Found::nowhere : Found::below, UniqueFd()};
        if (rc == -ENOTDIR || rc == -ELOOP) return {Found::nowhere, UniqueFd()};
        if (rc < 0) throw SysError(-rc, "open directory", base::quote(path));
        here = UniqueFd(rc);
    }
    return {Found::here, std::move(here)};
}

// Do the layers below show through above `path` of the layer itself? (An opaque mark on the
// directory hides what is in it, not the directory.)
bool shows_through(int layer_fd, const std::string& path) {
    std::string way;
    for (const std::string& part : base::split(path, '/')) {
        const Lookup step = look_up(layer_fd, way);
        if (step.found != Found::here || is_opaque(step.dir.get())) return false;
        if (!way.empty()) way += '/';
        way += part;
    }
    return true;
}

void copy_attributes(int from_fd, int to_fd, const std::string& path) {
    struct stat status {};
    if (::fstat(from_fd, &status) != 0) throw SysError(errno, "stat", base::quote(path));
    int rc = raw::fchown(to_fd, status.st_uid, status.st_gid);
    if (rc == 0) rc = raw::fchmod(to_fd, status.st_mode & 07777);
    const timespec times[2] = {status.st_mtim, status.st_mtim};
    if (rc == 0) rc = raw::utimensat(to_fd, nullptr, times, 0);
    if (rc < 0) throw SysError(-rc, "set the attributes of", base::quote(path));
}

void adopt(int layer_fs_fd, const std::string& path, const std::vector<int>& lower_fs_fds) {
    if (!shows_through(layer_fs_fd, path)) return;
    const Lookup own = look_up(layer_fs_fd, path);
    if (own.found != Found::here) return;
    for (const int lower_fd : lower_fs_fds) {
        const Lookup lower = look_up(lower_fd, path);
        if (lower.found == Found::here)
            return copy_attributes(lower.dir.get(), own.dir.get(), path);
        if (lower.found == Found::nowhere) return;
    }
}

}  // namespace

void adopt_implied_dirs(int layer_fs_fd, const std::vector<std::string>& implied_dirs,
                        const std::vector<int>& lower_fs_fds, const kernel::IdMap& ids) {
    if (implied_dirs.empty() || lower_fs_fds.empty()) return;
    (void)kernel::run_as_owner(ids, [&] {
        for (const std::string& path : implied_dirs) adopt(layer_fs_fd, path, lower_fs_fds);
        return 0;
    });
}

}  // namespace sandbox::image
