#include "sandbox/store/layout.hpp"

#include <linux/magic.h>
#include <sys/statfs.h>
#include <sys/xattr.h>

#include <array>
#include <cerrno>
#include <optional>
#include <string_view>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"
#include "sandbox/store/pending_sync.hpp"

namespace sandbox::store {
namespace {

using base::Error;
using base::SysError;
using base::UniqueFd;

constexpr const char* kVersionFile = "version";
constexpr const char* kLockFile = "lock";
constexpr const char* kElsewhere = "point SANDBOX_STORE at a directory on a local file system";

struct FileSystemName {
    unsigned long magic;
    const char* name;
};
// File systems that know neither owners nor locks of ours, or lie about them. Numbers that
// linux/magic.h lacks are from statfs(2).
constexpr std::array<FileSystemName, 9> kUnfit = {{{NFS_SUPER_MAGIC, "nfs"},
                                                   {MSDOS_SUPER_MAGIC, "vfat"},
                                                   {0x2011bab0, "exfat"},
                                                   {0x5346544e, "ntfs"},
                                                   {0x517b, "smb"},
                                                   {0xff534d42, "cifs"},
                                                   {0xfe534d42, "smb2"},
                                                   {0x01021997, "9p"},
                                                   {PROC_SUPER_MAGIC, "proc"}}};

void check_owner(int root_fd, const std::string& root) {
    struct stat info {};
    const long rc = ::fstat(root_fd, &info) == 0 ? 0 : -errno;
    if (rc < 0) throw SysError(static_cast<int>(-rc), "look at store", base::quote(root));
    if (info.st_uid != ::geteuid()) {
        throw Error("store " + base::quote(root) + " belongs to uid " +
                        std::to_string(info.st_uid) + ", not to you",
                    "point SANDBOX_STORE at a directory of your own");
    }
    // Files in layers are setuid to their owner: who can reach them gets the owner's account.
    if ((info.st_mode & 0077) != 0) {
        throw Error("store " + base::quote(root) + " can be reached by other users",
                    "chmod 700 " + root);
    }
}

void check_file_system(int root_fd, const std::string& root) {
    if (::faccessat(root_fd, ".", W_OK, AT_EACCESS) != 0) {
        const int errnum = errno;
        if (errnum == EROFS) {
            throw Error("store " + base::quote(root) + " is on a read-only file system",
                        "point SANDBOX_STORE at a directory that can be written");
        }
        throw SysError(errnum, "write to store", base::quote(root), "chmod 700 " + root);
    }
    struct statfs info {};
    if (::fstatfs(root_fd, &info) != 0) {
        const int errnum = errno;
        throw SysError(errnum, "look at file system of store", base::quote(root));
    }
    const auto magic = static_cast<unsigned long>(info.f_type) & 0xffffffffUL;
    for (const FileSystemName& unfit : kUnfit) {
        if (unfit.magic != magic) continue;
        throw Error("store " + base::quote(root) + " is on " + unfit.name +
                        ", which cannot keep owners, links and locks of image files",
                    kElsewhere);
    }
    // Opaque directories are marked by user.overlay.opaque: without user xattrs layers would be
    // merged wrongly (tmpfs has them since Linux 6.6).
    if (::fgetxattr(root_fd, "user.sandbox", nullptr, 0) < 0 && errno == EOPNOTSUPP) {
        throw Error(
            "the file system of store " + base::quote(root) + " has no user extended attributes",
            kElsewhere);
    }
}

void check_version(int root_fd, const std::string& root) {
    const std::optional<std::string> text = base::try_read_file_at(root_fd, kVersionFile, 64);
    const std::string_view trimmed = text ? base::trim(*text) : std::string_view();
    if (trimmed.empty()) {  // new, or its first writer was killed: there is one layout so far
        base::write_file_atomic(root_fd, kVersionFile, std::to_string(kStoreVersion) + "\n", 0600,
                                base::Durability::volatile_data);
        return;
    }
    const std::optional<std::uint64_t> version = base::try_parse_u64(trimmed);
    if (!version || *version == 0) {
        throw Error("store " + base::quote(root) + " has an unreadable version file",
                    "if this is your store, remove " + root + "/" + kVersionFile);
    }
    if (*version > static_cast<std::uint64_t>(kStoreVersion)) {
        throw Error("store " + base::quote(root) + " has version " + std::to_string(*version) +
                        ", this sandbox knows versions up to " + std::to_string(kStoreVersion),
                    "use a newer sandbox, or another SANDBOX_STORE");
    }
}

UniqueFd open_root(const std::string& root) {
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
    int rc = base::raw::openat(AT_FDCWD, root.c_str(), kFlags);
    if (rc == -ENOENT) {
        base::make_dirs(root, 0700);
        rc = base::raw::openat(AT_FDCWD, root.c_str(), kFlags);
    }
    if (rc < 0) {
        throw SysError(-rc, "open store", base::quote(root),
                       "SANDBOX_STORE names the store's directory");
    }
    return UniqueFd(rc);
}

}  // namespace

Store Store::open() {
    if (const std::optional<std::string> root = base::try_env("SANDBOX_STORE")) {
        return open_at(*root);
    }
    return open_at(base::data_home() + "/sandbox");
}

Store Store::open_at(const std::string& root) {
    if (root.empty() || root.front() != '/') {
        throw base::UsageError("store " + base::quote(root) + " is no absolute path");
    }
    Store store;
    store.root_ = root;
    store.root_fd_ = open_root(root);
    check_owner(store.root_fd_.get(), root);
    check_file_system(store.root_fd_.get(), root);
    check_version(store.root_fd_.get(), root);
    settle_pending(store);
    return store;
}

int Store::open_sub(UniqueFd& slot, const char* name) const {
    if (slot.valid()) return slot.get();
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int rc = base::raw::openat(root_fd(), name, kFlags);
    if (rc == -ENOENT) {
        base::make_dirs(root_ + "/" + name, 0700);
        rc = base::raw::openat(root_fd(), name, kFlags);
    }
    if (rc < 0) throw SysError(-rc, "open", base::quote(root_ + "/" + name));
    slot.reset(rc);
    return slot.get();
}

int Store::blobs_fd() const {
    return open_sub(blobs_, "blobs/sha256");
}
int Store::partial_fd() const {
    return open_sub(partial_, "blobs/partial");
}
int Store::layers_fd() const {
    return open_sub(layers_, "layers");
}
int Store::images_fd() const {
    return open_sub(images_, "images");
}
int Store::containers_fd() const {
    return open_sub(containers_, "containers");
}
int Store::volumes_fd() const {
    return open_sub(volumes_, "volumes");
}
int Store::networks_fd() const {
    return open_sub(networks_, "networks");
}
int Store::cache_fd() const {
    return open_sub(cache_, "cache");
}

base::FileLock Store::lock(base::LockMode mode) const {
    return base::FileLock::acquire(root_fd(), kLockFile, mode,
                                   "waiting for another sandbox to finish with the store");
}

std::string runtime_root() {
    std::string path = base::runtime_dir() + "/sandbox";
    const int rc = base::raw::mkdirat(AT_FDCWD, path.c_str(), 0700);
    if (rc < 0 && rc != -EEXIST) throw SysError(-rc, "make", base::quote(path));
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        const int errnum = errno;
        throw SysError(errnum, "look at", base::quote(path));
    }
    if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || (info.st_mode & 0077) != 0) {
        throw Error("runtime directory " + base::quote(path) +
                        " is not a directory that only you can reach",
                    "remove it, or set XDG_RUNTIME_DIR");
    }
    return path;
}

}  // namespace sandbox::store
