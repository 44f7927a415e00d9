// Directories that a layer implies ("a/b/c" without "a" and "a/b") take what the layer below says
// of them: in the merged view it is the top directory's mode, owner and time that count.
// Theory of operation: the paths come in the order of a walk, and each layer is gone through by one
// cursor, which keeps the directory where it is and goes to the next one by the shortest way. A
// hostile layer may imply thousands of directories, one within the other: from the root anew for
// each would take hours.
#include "image/adopt_dirs.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <optional>

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
using Parts = std::vector<std::string>;

constexpr int kDirFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
// So many between two looks at whether the user has had enough: about a second's work for an image
// of as many layers as there may be.
constexpr size_t kPortion = 4096;

bool is_opaque(int dir_fd) {
    char value = 0;
    return ::fgetxattr(dir_fd, kOpaqueXattr, &value, 1) == 1 && value == 'y';
}

UniqueFd open_dir(int dir_fd, const char* name) {
    const int rc = raw::openat(dir_fd, name, kDirFlags);
    if (rc < 0) throw SysError(-rc, "open directory", base::quote(name));
    return UniqueFd(rc);
}

Parts parts_of(const std::string& path) {
    Parts parts = base::split(path, '/');
    std::erase(parts, "");
    return parts;
}

// One layer's say on a path: it has the directory; it has nothing there, so the layer below may
// have it; or it hides what is below (a file, link or mark on the way, or an opaque directory).
enum class Found { here, below, nowhere };

class Cursor {
  public:
    explicit Cursor(int layer_fd) : here_(open_dir(layer_fd, ".")) { note_opaque(); }

    Found go(const Parts& target) {
        const auto same = std::mismatch(way_.begin(), way_.end(), target.begin(), target.end());
        const auto common = static_cast<size_t>(same.first - way_.begin());
        while (way_.size() > common) climb();
        while (way_.size() < target.size()) {
            const std::string& part = target[way_.size()];
            const int rc = raw::openat(here_.get(), part.c_str(), kDirFlags);
            if (rc == -ENOENT) return opaque_depth_ ? Found::nowhere : Found::below;
            if (rc == -ENOTDIR || rc == -ELOOP) return Found::nowhere;
            if (rc < 0) throw SysError(-rc, "open directory", base::quote(part));
            here_ = UniqueFd(rc);
            way_.push_back(part);
            note_opaque();
        }
        return Found::here;
    }

    // Do the layers below show through above where it is? (An opaque mark on a directory hides what
    // is in it, not the directory; but the root's stands for the whole layer.)
    [[nodiscard]] bool shows_through() const noexcept {
        return !opaque_depth_ || (*opaque_depth_ == way_.size() && !way_.empty());
    }
    [[nodiscard]] int fd() const noexcept { return here_.get(); }

  private:
    // Nobody else changes a layer, and no link was followed: ".." is where we came from.
    void climb() {
        if (opaque_depth_ == way_.size()) opaque_depth_.reset();
        here_ = open_dir(here_.get(), "..");
        way_.pop_back();
    }

    void note_opaque() {
        if (!opaque_depth_ && is_opaque(here_.get())) opaque_depth_ = way_.size();
    }

    UniqueFd here_;
    Parts way_;                           // from the root to here_
    std::optional<size_t> opaque_depth_;  // of the topmost opaque directory on it; the root: 0
};

void copy_attributes(int from_fd, int to_fd, const std::string& path) {
    struct stat status {};
    if (::fstat(from_fd, &status) != 0) throw SysError(errno, "stat", base::quote(path));
    int rc = raw::fchown(to_fd, status.st_uid, status.st_gid);
    if (rc == 0) rc = raw::fchmod(to_fd, status.st_mode & 07777);
    const timespec times[2] = {status.st_mtim, status.st_mtim};
    if (rc == 0) rc = raw::utimensat(to_fd, nullptr, times, 0);
    if (rc < 0) throw SysError(-rc, "set the attributes of", base::quote(path));
}

void adopt(Cursor& own, const std::string& path, std::vector<Cursor>& lowers) {
    const Parts target = parts_of(path);
    if (own.go(target) != Found::here || !own.shows_through()) return;
    for (Cursor& lower : lowers) {
        const Found found = lower.go(target);
        if (found == Found::here) return copy_attributes(lower.fd(), own.fd(), path);
        if (found == Found::nowhere) return;
    }
}

}  // namespace

void sort_as_walked(std::vector<std::string>& paths) {
    const auto before = [](char a, char b) {
        const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c) + 1; };
        return rank(a) < rank(b);
    };
    std::sort(paths.begin(), paths.end(), [&](const std::string& a, const std::string& b) {
        return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), before);
    });
}

void adopt_each(int layer_fs_fd, std::span<const std::string> paths,
                const std::vector<int>& lower_fs_fds) {
    Cursor own(layer_fs_fd);
    std::vector<Cursor> lowers;
    lowers.reserve(lower_fs_fds.size());
    for (const int fd : lower_fs_fds) lowers.emplace_back(fd);
    for (const std::string& path : paths) adopt(own, path, lowers);
}

void adopt_implied_dirs(int layer_fs_fd, const std::vector<std::string>& implied_dirs,
                        const std::vector<int>& lower_fs_fds, const kernel::IdMap& ids,
                        const std::function<void()>& between) {
    if (implied_dirs.empty() || lower_fs_fds.empty()) return;
    std::vector<std::string> paths = implied_dirs;
    sort_as_walked(paths);
    for (size_t next = 0; next < paths.size(); next += kPortion) {
        const size_t count = std::min(kPortion, paths.size() - next);
        (void)kernel::run_as_owner(ids, [&] {
            adopt_each(layer_fs_fd, std::span(paths).subspan(next, count), lower_fs_fds);
            return 0;
        });
        if (between) between();
    }
}

}  // namespace sandbox::image
