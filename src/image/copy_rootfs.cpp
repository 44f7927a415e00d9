// The copied tree, for kernels that refuse overlayfs to us: all layers, bottom first, one over the
// other, with overlay's meaning of whiteouts and opaque directories. Data is shared with the layer
// where the file system can (FICLONE), else copied by the kernel.
// Runs as root of the user namespace that owns the layer's ids, so that owners are kept. A failure
// inside is an Error in the parent.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/rootfs.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;

constexpr std::string_view kOverlayPrefix = "user.overlay.";
constexpr size_t kMaxXattrBytes = 64u << 10;  // xattr(7): XATTR_SIZE_MAX

void check(long rc, std::string_view tried, const std::string& name) {
    if (rc < 0) throw SysError(static_cast<int>(-rc), tried, base::quote(name));
}

long negative_errno(long rc) noexcept {
    return rc < 0 ? -errno : rc;
}

struct stat stat_at(int dir_fd, const std::string& name) {
    struct stat info {};
    check(negative_errno(::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW)), "look at",
          name);
    return info;
}

bool is_opaque(int dir_fd) noexcept {
    char value = '\0';
    return ::fgetxattr(dir_fd, "user.overlay.opaque", &value, 1) == 1 && value == 'y';
}

void copy_xattrs(int from_fd, int to_fd, const std::string& name) {
    std::vector<char> names(kMaxXattrBytes);
    const long size = negative_errno(::flistxattr(from_fd, names.data(), names.size()));
    if (size == -EOPNOTSUPP) return;
    check(size, "list attributes of", name);
    std::vector<char> value(kMaxXattrBytes);
    for (const std::string& key : base::split({names.data(), static_cast<size_t>(size)}, '\0')) {
        if (key.empty() || key.compare(0, kOverlayPrefix.size(), kOverlayPrefix) == 0) continue;
        const long length =
            negative_errno(::fgetxattr(from_fd, key.c_str(), value.data(), value.size()));
        check(length, "read attribute of", name);
        const int rc =
            raw::fsetxattr(to_fd, key.c_str(), value.data(), static_cast<size_t>(length), 0);
        // What the target cannot carry, or only the host's root may set (security.selinux, …).
        if (rc == -EOPNOTSUPP || rc == -EPERM) continue;
        check(rc, "set attribute of", name);
    }
}

void copy_data(int from_fd, int to_fd, std::uint64_t size, const std::string& name) {
    if (size == 0 || raw::ioctl(to_fd, FICLONE, from_fd) == 0) return;
    std::uint64_t done = 0;
    while (done < size) {
        const long rc =
            negative_errno(::copy_file_range(from_fd, nullptr, to_fd, nullptr, size - done, 0));
        check(rc, "copy", name);
        if (rc == 0) return;  // shorter than it said
        done += static_cast<std::uint64_t>(rc);
    }
}

class TreeCopy {
  public:
    // One layer over what `target_fd` has.
    void apply(int layer_fd, int target_fd) {
        links_.clear();
        copy_dir(layer_fd, target_fd);
    }

  private:
    struct Inode {
        dev_t device;
        ino_t number;
        auto operator<=>(const Inode&) const = default;
    };

    void remove(int dir_fd, const std::string& name) {
        if (!base::remove_tree_at(dir_fd, name)) {
            throw base::Error("cannot replace " + base::quote(name) + " in the copied tree");
        }
    }

    void copy_dir(int from_fd, int to_fd) {
        for (const std::string& name : base::list_dir(from_fd)) copy_entry(from_fd, to_fd, name);
        struct stat info {};
        check(negative_errno(::fstat(from_fd, &info)), "look at", "directory");
        copy_xattrs(from_fd, to_fd, "directory");
        finish(to_fd, info, "directory");
    }

    // Owner first: chown(2) clears setuid bits.
    static void finish(int fd, const struct stat& info, const std::string& name) {
        check(raw::fchown(fd, info.st_uid, info.st_gid), "set owner of", name);
        check(raw::fchmod(fd, info.st_mode & 07777), "set mode of", name);
        const std::array<timespec, 2> times = {info.st_atim, info.st_mtim};
        check(negative_errno(::futimens(fd, times.data())), "set time of", name);
    }

    void copy_entry(int from_fd, int to_fd, const std::string& name) {
        const struct stat info = stat_at(from_fd, name);
        if (S_ISDIR(info.st_mode)) {
            copy_subdir(from_fd, to_fd, name);
            return;
        }
        remove(to_fd, name);
        if (S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0)) return;  // a whiteout
        if (info.st_nlink > 1 && link_to_copy(info, to_fd, name)) return;
        if (S_ISREG(info.st_mode)) {
            copy_file(from_fd, to_fd, name, info);
        } else {
            copy_special(from_fd, to_fd, name, info);
        }
        if (info.st_nlink > 1) remember_link(info, to_fd, name);
    }

    void copy_subdir(int from_fd, int to_fd, const std::string& name) {
        const UniqueFd from = base::open_at(from_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        struct stat old {};
        const long rc = negative_errno(::fstatat(to_fd, name.c_str(), &old, AT_SYMLINK_NOFOLLOW));
        if (rc == 0 && (!S_ISDIR(old.st_mode) || is_opaque(from.get()))) remove(to_fd, name);
        base::make_dir_at(to_fd, name, 0700);
        const UniqueFd to = base::open_at(to_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        copy_dir(from.get(), to.get());
    }

    static void copy_file(int from_fd, int to_fd, const std::string& name,
                          const struct stat& info) {
        const UniqueFd from = base::open_at(from_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
        const UniqueFd to =
            base::open_at(to_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        copy_data(from.get(), to.get(), static_cast<std::uint64_t>(info.st_size), name);
        // security.capability goes with a change of owner: attributes come after it.
        check(raw::fchown(to.get(), info.st_uid, info.st_gid), "set owner of", name);
        copy_xattrs(from.get(), to.get(), name);
        check(raw::fchmod(to.get(), info.st_mode & 07777), "set mode of", name);
        const std::array<timespec, 2> times = {info.st_atim, info.st_mtim};
        check(negative_errno(::futimens(to.get(), times.data())), "set time of", name);
    }

    static void copy_special(int from_fd, int to_fd, const std::string& name,
                             const struct stat& info) {
        if (S_ISLNK(info.st_mode)) {
            std::string target(static_cast<size_t>(info.st_size) + 1, '\0');
            const long rc = raw::readlinkat(from_fd, name.c_str(), target.data(), target.size());
            check(rc, "read link", name);
            target.resize(static_cast<size_t>(rc));
            check(raw::symlinkat(target.c_str(), to_fd, name.c_str()), "make link", name);
        } else {  // a FIFO; layers have no other kind
            check(raw::mknodat(to_fd, name.c_str(), info.st_mode, info.st_rdev), "make", name);
        }
        check(raw::fchownat(to_fd, name.c_str(), info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW),
              "set owner of", name);
        if (!S_ISLNK(info.st_mode)) {
            check(raw::fchmodat(to_fd, name.c_str(), info.st_mode & 07777), "set mode of", name);
        }
        const std::array<timespec, 2> times = {info.st_atim, info.st_mtim};
        check(raw::utimensat(to_fd, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW), "set time of",
              name);
    }

    bool link_to_copy(const struct stat& info, int to_fd, const std::string& name) {
        const auto known = links_.find({info.st_dev, info.st_ino});
        if (known == links_.end()) return false;
        check(raw::linkat(known->second.dir.get(), known->second.name.c_str(), to_fd, name.c_str(),
                          0),
              "link", name);
        return true;
    }

    void remember_link(const struct stat& info, int to_fd, const std::string& name) {
        const int copy = raw::fcntl(to_fd, F_DUPFD_CLOEXEC, 3);
        if (copy < 0)
            return;  // no descriptors left: it is copied once more, and right all the same
        links_.emplace(Inode{info.st_dev, info.st_ino}, Link{UniqueFd(copy), name});
    }

    struct Link {
        UniqueFd dir;
        std::string name;
    };
    std::map<Inode, Link> links_;
};

}  // namespace

void copy_rootfs(const store::Store& store, const RootfsPlan& plan, int target_fd) {
    const auto copy = [&] {
        TreeCopy tree;
        for (auto lower = plan.lower_dirs.rbegin(); lower != plan.lower_dirs.rend(); ++lower) {
            const UniqueFd layer =
                base::open_at(store.layers_fd(), *lower, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
            base::with_context("copy layer " + base::quote(*lower),
                               [&] { tree.apply(layer.get(), target_fd); });
        }
        return 0;
    };
    if (plan.mode == store::LayerMode::single || ::geteuid() == 0) {
        (void)copy();
        return;
    }
    (void)kernel::run_as_owner(kernel::host_id_map(), copy);
}

}  // namespace sandbox::image
