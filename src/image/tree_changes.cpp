#include "sandbox/image/tree_changes.hpp"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <climits>
#include <set>

#include "image/whiteout.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;
using Kind = ChangeVisitor::Kind;

bool is_whiteout(const struct stat& info) {
    return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

bool is_opaque(int dir_fd) {
    char value = '\0';
    return ::fgetxattr(dir_fd, kOpaqueXattr, &value, 1) == 1 && value == 'y';
}

// False: there is no such thing.
bool stat_at(int dir_fd, const std::string& name, struct stat& info) {
    if (::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw SysError(errno, "look at", base::quote(name));
}

UniqueFd open_dir_at(int dir_fd, const std::string& name) {
    return base::open_at(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// One directory of the image: the layers that take part in it, top first.
struct LowerDir {
    std::vector<UniqueFd> parts;
};

// One name of the image.
struct Lower {
    bool exists = false;
    struct stat info {};
    int parent_fd = -1;  // of the layer that has it; borrowed from the LowerDir
    LowerDir dir;        // of a directory
};

Lower look_up(const LowerDir& dir, const std::string& name) {
    Lower found;
    for (const UniqueFd& part : dir.parts) {
        struct stat info {};
        if (!stat_at(part.get(), name, info)) continue;
        if (is_whiteout(info)) break;
        if (!S_ISDIR(info.st_mode)) {
            if (!found.exists) {
                found.exists = true;
                found.info = info;
                found.parent_fd = part.get();
            }
            break;
        }
        if (!found.exists) found.info = info;
        found.exists = true;
        found.dir.parts.push_back(open_dir_at(part.get(), name));
        if (is_opaque(found.dir.parts.back().get())) break;
    }
    return found;
}

std::set<std::string> names_of(const LowerDir& dir) {
    std::set<std::string> names, hidden;
    for (const UniqueFd& part : dir.parts) {
        for (const std::string& name : base::list_dir(part.get())) {
            struct stat info {};
            if (hidden.contains(name) || !stat_at(part.get(), name, info)) continue;
            if (is_whiteout(info)) {
                if (!names.contains(name)) hidden.insert(name);
            } else {
                names.insert(name);
            }
        }
    }
    return names;
}

std::string link_text(int dir_fd, const std::string& name) {
    std::array<char, PATH_MAX> text{};
    const long size = raw::readlinkat(dir_fd, name.c_str(), text.data(), text.size());
    return size < 0 ? std::string() : std::string(text.data(), static_cast<size_t>(size));
}

bool same_time(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool same_attributes(const struct stat& a, const struct stat& b) {
    return a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid;
}

// What a launch makes in a copied tree as mount points, where the image has none.
bool is_mount_point(const std::string& path) {
    for (const char* name :
         {"proc", "sys", "dev", "etc/hosts", "etc/hostname", "etc/resolv.conf"}) {
        if (path == name) return true;
    }
    return false;
}

class Walk {
  public:
    Walk(bool is_upper, ChangeVisitor& visitor) : is_upper_(is_upper), visitor_(visitor) {}

    void directory(int top_fd, const LowerDir& lower, const std::string& path) {
        std::set<std::string> names;
        for (std::string& name : base::list_dir(top_fd)) names.insert(std::move(name));
        if (!is_upper_) names.merge(names_of(lower));
        for (const std::string& name : names) {
            entry(top_fd, lower, name, path.empty() ? name : path + "/" + name);
        }
    }

  private:
    void entry(int top_fd, const LowerDir& lower, const std::string& name,
               const std::string& path) {
        struct stat info {};
        const bool there = stat_at(top_fd, name, info);
        Lower former = look_up(lower, name);
        if (!there || (is_upper_ && is_whiteout(info))) {
            if (former.exists) visitor_.deleted(path);
            return;
        }
        if (!former.exists && is_mount_point(path)) return;
        const Kind kind = former.exists ? Kind::changed : Kind::added;
        if (S_ISDIR(info.st_mode)) {
            subdirectory(top_fd, name, path, info, former, kind);
        } else if (is_upper_ || !former.exists || !is_same(top_fd, name, info, former)) {
            visitor_.found(top_fd, name, path, kind, false, true);
        }
    }

    void subdirectory(int top_fd, const std::string& name, const std::string& path,
                      const struct stat& info, Lower& former, Kind kind) {
        const UniqueFd dir = open_dir_at(top_fd, name);
        // In a copied tree the launch makes its mount points in /etc, which is no change.
        const bool timed = is_upper_ || path != "etc";
        const bool differs = kind == Kind::added || !same_attributes(info, former.info) ||
                             (timed && !same_time(info.st_mtim, former.info.st_mtim));
        visitor_.found(top_fd, name, path, kind, true, differs);
        if (is_upper_ && is_opaque(dir.get()) && !former.dir.parts.empty()) {
            if (!visitor_.hides_all(path)) tell_hidden(dir.get(), former.dir, path);
            former.dir.parts.clear();
        }
        directory(dir.get(), former.dir, path);
        visitor_.end_of_dir(path);
    }

    void tell_hidden(int top_fd, const LowerDir& former, const std::string& path) {
        for (const std::string& name : names_of(former)) {
            struct stat info {};
            if (!stat_at(top_fd, name, info)) visitor_.deleted(path + "/" + name);
        }
    }

    static bool is_same(int top_fd, const std::string& name, const struct stat& info,
                        const Lower& former) {
        if (!same_attributes(info, former.info) || !same_time(info.st_mtim, former.info.st_mtim) ||
            info.st_rdev != former.info.st_rdev || info.st_size != former.info.st_size) {
            return false;
        }
        return !S_ISLNK(info.st_mode) ||
               link_text(top_fd, name) == link_text(former.parent_fd, name);
    }

    bool is_upper_;
    ChangeVisitor& visitor_;
};

}  // namespace

void walk_changes(const ChangedTree& tree, ChangeVisitor& visitor) {
    LowerDir root;
    for (const int fd : tree.lower_fds) {
        root.parts.push_back(base::open_at(fd, ".", O_RDONLY | O_DIRECTORY));
        if (is_opaque(root.parts.back().get())) break;
    }
    Walk(tree.is_upper, visitor).directory(tree.top_fd, root, "");
}

}  // namespace sandbox::image
