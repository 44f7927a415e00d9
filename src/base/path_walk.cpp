// Theory: one component at a time, never following a link in the kernel (O_NOFOLLOW). Directories
// that were walked through are held open on a stack, so ".." is a pop and not a look at the disk:
// a directory that is moved away meanwhile cannot lead out of the root.
#include "path_walk.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <climits>
#include <vector>

#include "sandbox/base/raw.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::base {
namespace {

constexpr int kMaxLinks = 40;  // path_resolution(7)

class Walk {
  public:
    Walk(int root_fd, WalkRule rule, std::string path)
        : root_fd_(root_fd), rule_(rule), rest_(std::move(path)) {}

    int open(int flags, mode_t mode) {
        if (rest_.empty()) return -ENOENT;
        for (;;) {
            if (const int rc = skip_slashes(); rc < 0) return rc;
            if (rest_.empty()) {
                return raw::openat(top_fd(), ".", flags | O_DIRECTORY | O_CLOEXEC, mode);
            }
            const std::string component = take_component();
            if (component == ".") continue;
            if (component == "..") {
                if (const int rc = go_up(); rc < 0) return rc;
                continue;
            }
            const bool last = rest_.find_first_not_of('/') == std::string::npos;
            const bool must_be_dir = last && !rest_.empty();
            if (last && !must_be_dir) {
                const int rc = open_last(component, flags, mode);
                if (rc != kFollowed) return rc;
            } else if (const int rc = go_down(component); rc < 0) {
                return rc;
            }
        }
    }

  private:
    static constexpr int kFollowed = INT_MIN;  // a link's target now stands in rest_

    [[nodiscard]] int top_fd() const { return open_.empty() ? root_fd_ : open_.back().get(); }

    // An absolute path starts at the root, if the rule allows one at all.
    int skip_slashes() {
        const size_t slashes = std::min(rest_.find_first_not_of('/'), rest_.size());
        if (at_start_ && slashes > 0) {
            if (rule_ == WalkRule::beneath) return -EXDEV;
            open_.clear();
        }
        at_start_ = false;
        rest_.erase(0, slashes);
        return 0;
    }
    std::string take_component() {
        const size_t end = std::min(rest_.find('/'), rest_.size());
        std::string component = rest_.substr(0, end);
        rest_.erase(0, end);
        return component;
    }
    int go_up() {
        if (open_.empty()) return rule_ == WalkRule::beneath ? -EXDEV : 0;
        open_.pop_back();
        return 0;
    }
    int go_down(const std::string& name) {
        const int rc = raw::openat(top_fd(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (rc < 0) return rc;
        UniqueFd fd(rc);
        struct stat info {};
        if (::fstat(fd.get(), &info) != 0) return -errno;
        if (S_ISLNK(info.st_mode)) return follow(fd.get());
        if (!S_ISDIR(info.st_mode)) return -ENOTDIR;
        open_.push_back(std::move(fd));
        return 0;
    }
    int open_last(const std::string& name, int flags, mode_t mode) {
        const bool follows = (flags & O_NOFOLLOW) == 0 && (flags & O_EXCL) == 0;
        if (follows) {
            const int rc = raw::openat(top_fd(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC);
            if (rc < 0 && rc != -ENOENT) return rc;
            if (rc >= 0) {
                const UniqueFd fd(rc);
                struct stat info {};
                if (::fstat(fd.get(), &info) != 0) return -errno;
                if (S_ISLNK(info.st_mode)) {
                    const int followed = follow(fd.get());
                    return followed < 0 ? followed : kFollowed;
                }
            }
        }
        return raw::openat(top_fd(), name.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, mode);
    }
    // Puts the target of the link before what is left of the path.
    int follow(int link_fd) {
        if (++links_ > kMaxLinks) return -ELOOP;
        struct statfs fs {};
        if (::fstatfs(link_fd, &fs) != 0) return -errno;
        // proc_pid_fd(5): links there lead to objects, whatever their text says.
        if (fs.f_type == PROC_SUPER_MAGIC) return -ELOOP;
        std::array<char, PATH_MAX> target;
        const long size = raw::readlinkat(link_fd, "", target.data(), target.size());
        if (size < 0) return static_cast<int>(size);
        if (size == 0) return -ENOENT;
        rest_.insert(0, target.data(), static_cast<size_t>(size));
        if (rest_.size() > size_t{PATH_MAX} * 2) return -ENAMETOOLONG;
        at_start_ = true;
        return 0;
    }

    int root_fd_;
    WalkRule rule_;
    std::string rest_;
    bool at_start_ = true;
    int links_ = 0;
    std::vector<UniqueFd> open_;
};

}  // namespace

int walk_and_open(int root_fd, const std::string& path, int flags, mode_t mode, WalkRule rule) {
    return Walk(root_fd, rule, path).open(flags, mode);
}

}  // namespace sandbox::base
