// Directories of a layer, owners, modes and attributes. A directory's own mode, owner and time come
// last of all: they would stand in the way of (0555, 0000), or be changed by, the entries below.
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>

#include "image/tree_writer.hpp"
#include "image/xattr_policy.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::Error;
using base::IntegrityError;
using base::SysError;
using base::UniqueFd;

std::string quoted(std::string_view path) {
    return base::quote(path.substr(0, 512));
}

}  // namespace

void TreeWriter::make_root(const TarEntry& entry) {
    if (entry.type != EntryType::directory)
        throw IntegrityError("bad root entry: " + quoted(entry.path) + " is not a directory");
    struct stat status {};
    if (::fstat(root_fd_, &status) != 0) throw SysError(errno, "stat the layer's root");
    root_seen_ = true;
    const KeptOwner owner = owner_of(entry, {});
    dir_records_[{}] = {
        status.st_ino,           owner,       mode_of(entry, owner, {}), entry.mtime_seconds,
        entry.mtime_nanoseconds, entry.xattrs};
}

void TreeWriter::make_directory(const TarEntry& entry, const std::string& path) {
    const Place place = place_of(path);
    const char* name = place.name.c_str();
    // Open to us until the end, whatever its own mode is.
    int rc = raw::mkdirat(place.parent_fd, name, 0700);
    bool uncovered = false;
    struct stat status {};
    const bool existed = rc == -EEXIST;
    if (existed) {
        if (::fstatat(place.parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
            throw SysError(errno, "stat", quoted(path));
        rc = 0;
        if (!S_ISDIR(status.st_mode)) {
            uncovered = clear(place, path);
            rc = raw::mkdirat(place.parent_fd, name, 0700);
        }
    }
    if (rc == -ENAMETOOLONG) throw IntegrityError("bad path " + quoted(path) + ": name too long");
    if (rc < 0) throw SysError(-rc, "make directory", quoted(path));
    if (uncovered) {
        rc = raw::openat(place.parent_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (rc < 0) throw SysError(-rc, "open directory", quoted(path));
        require_opaque(UniqueFd(rc).get(), path);
    }
    if (::fstatat(place.parent_fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0)
        throw SysError(errno, "stat", quoted(path));
    if (existed) implied_.erase(path);
    const KeptOwner owner = owner_of(entry, path);
    dir_records_[path] = {
        status.st_ino,           owner,       mode_of(entry, owner, path), entry.mtime_seconds,
        entry.mtime_nanoseconds, entry.xattrs};
}

void TreeWriter::finish() {
    std::vector<const std::string*> paths;
    paths.reserve(dir_records_.size());
    for (const auto& item : dir_records_) paths.push_back(&item.first);
    // Children before their parents: a parent may become 0000.
    std::sort(paths.begin(), paths.end(),
              [](const std::string* a, const std::string* b) { return *a > *b; });
    if (!root_seen_ && raw::fchmod(root_fd_, 0755) < 0)
        throw Error("cannot set the mode of the layer's root");
    for (const std::string* path : paths) finish_directory(*path, dir_records_.at(*path));
    owners_.flush();
    check_disk();
}

void TreeWriter::finish_directory(const std::string& path, const DirRecord& record) {
    const std::string parent =
        path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/'));
    const std::string name =
        path.empty() ? "." : path.substr(parent.empty() ? 0 : parent.size() + 1);
    const int parent_fd = dirs().try_open(parent);
    if (parent_fd < 0) return;
    int rc = raw::openat(parent_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    // A later entry has put something else there, perhaps by another path (through a link).
    if (rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP) return;
    if (rc < 0) throw SysError(-rc, "open directory", quoted(path));
    const UniqueFd dir(rc);
    struct stat status {};
    if (::fstat(dir.get(), &status) != 0) throw SysError(errno, "stat", quoted(path));
    if (status.st_ino != record.inode) return;
    rc = 0;
    if (!record.owner.is_root()) rc = raw::fchown(dir.get(), record.owner.uid, record.owner.gid);
    if (rc == 0 && (status.st_mode & 07777) != record.mode)
        rc = raw::fchmod(dir.get(), record.mode);
    if (rc < 0) throw SysError(-rc, "set owner and mode of", quoted(path));
    if (!record.xattrs.empty()) set_xattrs(dir.get(), record.xattrs, path);
    timespec times[2];
    times[0] = {static_cast<time_t>(record.mtime_seconds),
                static_cast<long>(record.mtime_nanoseconds)};
    times[1] = times[0];
    rc = raw::utimensat(dir.get(), nullptr, times, 0);
    if (rc < 0) throw SysError(-rc, "set the time of", quoted(path));
}

std::vector<std::string> TreeWriter::implied_dirs() const {
    std::vector<std::string> result(implied_.begin(), implied_.end());
    if (!root_seen_) result.emplace_back();
    std::sort(result.begin(), result.end());
    return result;
}

KeptOwner TreeWriter::owner_of(const TarEntry& entry, const std::string& path) {
    const KeptOwner owner = kept_owner(ids_, entry);
    if (owner.loss == KeptOwner::Loss::none) return owner;
    owners_.record(entry.uid, entry.gid, path);
    if (owner.loss == KeptOwner::Loss::outside)
        notices_.add(NoticeKind::owner_outside_map, path,
                     "(" + std::to_string(entry.uid) + ":" + std::to_string(entry.gid) + ")");
    return owner;
}

mode_t TreeWriter::mode_of(const TarEntry& entry, const KeptOwner& owner, const std::string& path) {
    const mode_t mode = kept_mode(entry, owner);
    if (mode != entry.mode) notices_.add(NoticeKind::setuid_dropped, path);
    return mode;
}

void TreeWriter::set_xattrs(int fd, const std::vector<TarXattr>& xattrs, const std::string& path) {
    for (const TarXattr& xattr : xattrs) {
        const std::string* value = &xattr.value;
        std::optional<std::string> capability;
        switch (xattr_rule(xattr.name)) {
            case XattrRule::overlay:
                notices_.add(NoticeKind::overlay_xattr, path, base::quote(xattr.name));
                continue;
            case XattrRule::host:
                notices_.add(NoticeKind::xattr_dropped, path, base::quote(xattr.name));
                continue;
            case XattrRule::file_capability:
                capability = portable_capability(xattr.value);
                if (!capability) {
                    notices_.add(NoticeKind::file_capability, path);
                    continue;
                }
                value = &*capability;
                break;
            case XattrRule::keep:
                break;
        }
        const int rc = raw::fsetxattr(fd, xattr.name.c_str(), value->data(), value->size(), 0);
        if (rc == -ENOSPC || rc == -EDQUOT || rc == -EIO)
            throw SysError(-rc, "set an extended attribute of", quoted(path));
        if (rc < 0)
            notices_.add(NoticeKind::xattr_refused, path,
                         base::quote(xattr.name) + " (" + base::errno_text(-rc) + ")");
    }
}

void TreeWriter::count_written(std::uint64_t bytes) {
    unchecked_bytes_ += bytes;
    if (unchecked_bytes_ >= 64u << 20) check_disk();
}

void TreeWriter::check_disk() {
    unchecked_bytes_ = 0;
    struct statfs status {};
    if (::fstatfs(root_fd_, &status) != 0) throw SysError(errno, "measure the store's file system");
    const auto block = static_cast<std::uint64_t>(status.f_bsize);
    if (status.f_bavail * block < limits_.disk_reserve_bytes)
        throw Error("no space left for the layer: " + base::format_size(status.f_bavail * block) +
                        " free, " + base::format_size(limits_.disk_reserve_bytes) +
                        " are kept free",
                    "free some space, then pull again");
    if (status.f_files != 0 && status.f_ffree < 1024)
        throw Error("no inodes left for the layer", "free some files, then pull again");
}

}  // namespace sandbox::image
