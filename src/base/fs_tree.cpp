// Removing and measuring whole trees. Both walk with a TreeCursor and keep their own stack of what
// is still to be visited, so depth costs heap and neither stack nor descriptors.
#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <set>
#include <utility>

#include "dir_reader.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "tree_cursor.hpp"

namespace sandbox::base {
namespace {

// `name` is one component, but for the caller's own name of the tree, which may be a whole path:
// how the way to it leads is the caller's business.
int open_child_dir(int dir_fd, const std::string& name) noexcept {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if (name.find('/') != name.npos) return raw::openat(dir_fd, name.c_str(), kFlags);
    open_how how{};
    how.flags = kFlags;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    const int rc = raw::openat2(dir_fd, name.c_str(), how);
    if (rc == -ENOSYS) return raw::openat(dir_fd, name.c_str(), kFlags);
    return rc;
}

// chmod 0700 of a directory that cannot be opened, without following a link that takes its place:
// fchmod(2) refuses O_PATH descriptors, their /proc name does not.
void unlock_dir(int dir_fd, const std::string& name) noexcept {
    const int rc = raw::openat(dir_fd, name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (rc < 0) return;
    const UniqueFd fd(rc);
    std::array<char, 32> path{};
    (void)std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", fd.get());
    (void)raw::fchmodat(AT_FDCWD, path.data(), 0700);  // the second open shows whether it helped
}

class TreeRemover {
  public:
    explicit TreeRemover(int dir_fd) : cursor_(dir_fd) {}

    // False: something of another uid is left.
    bool remove(const std::string& name) {
        if (!remove_entry(name, DT_UNKNOWN)) enter(name);
        while (!levels_.empty()) step();
        return complete_;
    }

  private:
    struct Level {
        std::string name;
        std::vector<std::string> subdirs;  // not empty, to be entered
        bool progress = true;
        bool complete = true;
    };

    // One subdirectory further down, or up and away with an empty directory.
    void step() {
        if (!levels_.back().subdirs.empty()) {
            const std::string name = std::move(levels_.back().subdirs.back());
            levels_.back().subdirs.pop_back();
            enter(name);
            return;
        }
        Level done = std::move(levels_.back());
        levels_.pop_back();
        cursor_.leave();
        const int rc = raw::unlinkat(cursor_.fd(), done.name.c_str(), AT_REMOVEDIR);
        if (rc == 0 || rc == -ENOENT) {
            note_progress();
        } else if (rc == -ENOTEMPTY && !done.complete) {
            mark_incomplete();
        } else if (rc == -ENOTEMPTY && done.progress) {
            enter(done.name);  // entries that the first reading missed, or that are new
        } else {
            refuse_or_skip(rc, done.name);
        }
    }

    void enter(const std::string& name) {
        int rc = cursor_.enter(name);
        if (rc == -EACCES) {
            unlock_dir(cursor_.fd(), name);
            rc = cursor_.enter(name);
        }
        if (rc == -ENOENT) return;
        if (rc < 0) {
            refuse_or_skip(rc, name);
            return;
        }
        levels_.push_back(Level{name, {}, false, true});
        make_writable();
        empty_dir();
    }

    // Entries of a directory without the write or search bit cannot be removed by its owner.
    void make_writable() {
        struct stat info {};
        if (::fstat(cursor_.fd(), &info) != 0) throw SysError(errno, "stat a directory");
        if ((info.st_mode & 0700) == 0700 || info.st_uid != ::geteuid()) return;
        if (const int rc = raw::fchmod(cursor_.fd(), 0700); rc < 0) {
            throw SysError(-rc, "make writable", quote(levels_.back().name));
        }
    }

    void empty_dir() {
        for_each_entry(cursor_.fd(), [&](const char* name, unsigned char type) {
            if (remove_entry(name, type)) {
                levels_.back().progress = true;
            } else {
                levels_.back().subdirs.emplace_back(name);
            }
        });
    }

    // False for a directory that has entries.
    bool remove_entry(const std::string& name, unsigned char type) {
        int rc = type == DT_DIR ? -EISDIR : raw::unlinkat(cursor_.fd(), name.c_str());
        // unlink(2): a directory is EISDIR on Linux; POSIX says EPERM.
        if (rc == -EISDIR || (rc == -EPERM && type == DT_UNKNOWN)) {
            const int as_dir = raw::unlinkat(cursor_.fd(), name.c_str(), AT_REMOVEDIR);
            if (as_dir == -ENOTEMPTY || as_dir == -EEXIST) return false;
            if (as_dir != -ENOTDIR) rc = as_dir;
        }
        if (rc < 0 && rc != -ENOENT) refuse_or_skip(rc, name);
        return true;
    }

    // What another uid forbids is left for a second run in its name; all else is an error.
    void refuse_or_skip(int rc, const std::string& name) {
        if ((rc != -EACCES && rc != -EPERM) || all_ours(name)) {
            throw SysError(-rc, "remove", quote(name));
        }
        mark_incomplete();
    }
    [[nodiscard]] bool all_ours(const std::string& name) const {
        struct stat entry {};
        struct stat dir {};
        if (::fstat(cursor_.fd(), &dir) != 0) return true;
        if (dir.st_uid != ::geteuid()) return false;
        return ::fstatat(cursor_.fd(), name.c_str(), &entry, AT_SYMLINK_NOFOLLOW) != 0 ||
               entry.st_uid == ::geteuid();
    }

    void note_progress() {
        if (!levels_.empty()) levels_.back().progress = true;
    }
    void mark_incomplete() {
        complete_ = false;
        if (!levels_.empty()) levels_.back().complete = false;
    }

    TreeCursor cursor_;
    std::vector<Level> levels_;
    bool complete_ = true;
};

class TreeMeter {
  public:
    explicit TreeMeter(int dir_fd) : cursor_(dir_fd) {}

    TreeUsage measure(const std::string& name) {
        struct stat info {};
        if (::fstatat(cursor_.fd(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
            if (errno == ENOENT) return {};  // others may be at work in the store
            throw SysError(errno, "stat", quote(name));
        }
        count(info);
        if (S_ISDIR(info.st_mode)) enter(name);
        while (!pending_.empty()) {
            if (pending_.back().empty()) {
                pending_.pop_back();
                cursor_.leave();
                continue;
            }
            const std::string next = std::move(pending_.back().back());
            pending_.back().pop_back();
            enter(next);
        }
        return usage_;
    }

  private:
    void enter(const std::string& name) {
        const int rc = cursor_.enter(name);
        // Unreadable, gone, or a mount: nothing below it is counted.
        if (rc == -EACCES || rc == -ENOENT || rc == -ENOTDIR || rc == -EXDEV) return;
        if (rc < 0) throw SysError(-rc, "open directory", quote(name));
        std::vector<std::string> subdirs;
        for_each_entry(cursor_.fd(), [&](const char* entry, unsigned char) {
            struct stat info {};
            if (::fstatat(cursor_.fd(), entry, &info, AT_SYMLINK_NOFOLLOW) != 0) return;  // gone
            count(info);
            if (S_ISDIR(info.st_mode)) subdirs.emplace_back(entry);
        });
        pending_.push_back(std::move(subdirs));
    }

    void count(const struct stat& info) {
        const bool linked = info.st_nlink > 1 && !S_ISDIR(info.st_mode);
        if (linked && !seen_.emplace(info.st_dev, info.st_ino).second) return;
        ++usage_.entries;
        usage_.allocated_bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
        usage_.apparent_bytes += static_cast<std::uint64_t>(info.st_size);
    }

    TreeCursor cursor_;
    std::vector<std::vector<std::string>> pending_;  // subdirectories, one list per level
    std::set<std::pair<dev_t, ino_t>> seen_;
    TreeUsage usage_;
};

}  // namespace

int TreeCursor::enter(const std::string& name) {
    constexpr size_t kOpenLevels = 32;
    const int rc = open_child_dir(fd(), name);
    if (rc < 0) return rc;
    Level level{UniqueFd(rc), 0, 0};
    struct stat info {};
    if (::fstat(rc, &info) != 0) return -errno;
    level.device = info.st_dev;
    level.inode = info.st_ino;
    levels_.push_back(std::move(level));
    if (levels_.size() > kOpenLevels) levels_[levels_.size() - 1 - kOpenLevels].fd.reset();
    return 0;
}

void TreeCursor::leave() {
    Level left = std::move(levels_.back());
    levels_.pop_back();
    if (levels_.empty() || levels_.back().fd.valid()) return;
    // Closed on the way down. ".." is believed only when it is the directory that we came through.
    Level& parent = levels_.back();
    const int rc = raw::openat(left.fd.get(), "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (rc < 0) throw SysError(-rc, "open a parent directory");
    parent.fd.reset(rc);
    struct stat info {};
    if (::fstat(rc, &info) != 0) throw SysError(errno, "stat a parent directory");
    if (info.st_dev != parent.device || info.st_ino != parent.inode) {
        throw Error("a directory was moved while its tree was walked");
    }
}

bool remove_tree_at(int dir_fd, const std::string& name) {
    return with_context("remove tree " + quote(name),
                        [&] { return TreeRemover(dir_fd).remove(name); });
}

TreeUsage measure_tree_at(int dir_fd, const std::string& name) {
    return TreeMeter(dir_fd).measure(name);
}

}  // namespace sandbox::base
