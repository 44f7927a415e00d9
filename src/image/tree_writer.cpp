#include "image/tree_writer.hpp"

#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>

#include "image/entry_path.hpp"
#include "image/xattr_policy.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::Error;
using base::IntegrityError;
using base::SysError;
using base::UniqueFd;

constexpr std::uint64_t kDiskCheckBytes = 64u << 20;
constexpr std::uint64_t kDiskCheckEntries = 4096;
constexpr mode_t kSpecialBits = S_ISUID | S_ISGID | S_ISVTX;

std::string quoted(std::string_view path) {
    return base::quote(path.substr(0, 512));
}

int check(int rc, std::string_view tried, std::string_view path) {
    if (rc == -ENAMETOOLONG) throw IntegrityError("bad path " + quoted(path) + ": name too long");
    if (rc == -ENOSPC || rc == -EDQUOT)
        throw SysError(-rc, tried, quoted(path), "free some space, then pull again");
    if (rc < 0) throw SysError(-rc, tried, quoted(path));
    return rc;
}

void times_of(std::int64_t seconds, std::uint32_t nanoseconds, timespec (&times)[2]) {
    times[0] = {static_cast<time_t>(seconds), static_cast<long>(nanoseconds)};
    times[1] = times[0];
}

}  // namespace

TreeWriter::TreeWriter(int root_fd, int owners_fd, const kernel::IdMap& ids,
                       const UnpackLimits& limits)
    : root_fd_(root_fd),
      ids_(ids),
      limits_(limits),
      owners_(owners_fd),
      dirs_(root_fd, {[this](const std::string& path) { implied_.insert(path); },
                      [this](int dir_fd) { require_opaque(dir_fd, {}); }}) {
    check_disk();
}

void TreeWriter::apply(const TarEntry& entry, TarReader& reader) {
    if (++entries_ > limits_.max_entries)
        throw Error("the layer has more than " + std::to_string(limits_.max_entries) + " entries");
    if (entries_ % kDiskCheckEntries == 0) check_disk();
    const std::string path = clean_entry_path(entry.path);
    check_entry_path(path);
    if (path.empty()) return make_root(entry);
    const Whiteout mark = parse_whiteout(path);
    if (mark.kind == WhiteoutKind::none) return make_entry(entry, path, reader);
    if (mark.kind == WhiteoutKind::metadata) return notices_.add(NoticeKind::aufs_metadata, path);
    apply_whiteout(mark);
}

void TreeWriter::make_entry(const TarEntry& entry, const std::string& path, TarReader& reader) {
    switch (entry.type) {
        case EntryType::file:
            return make_file(entry, path, reader);
        case EntryType::directory:
            return make_directory(entry, path);
        case EntryType::symlink:
            return make_symlink(entry, path);
        case EntryType::hard_link:
            return make_hard_link(entry, path);
        case EntryType::fifo:
            return make_fifo(entry, path);
        case EntryType::socket:
            return notices_.add(NoticeKind::socket, path);
        case EntryType::char_device:
        case EntryType::block_device:
            break;
    }
    // Also 0:0, which overlayfs would take for a whiteout.
    const char letter = entry.type == EntryType::char_device ? 'c' : 'b';
    notices_.add(NoticeKind::device, path,
                 "(" + std::string(1, letter) + " " + std::to_string(entry.device_major) + ":" +
                     std::to_string(entry.device_minor) + ")");
}

void TreeWriter::apply_whiteout(const Whiteout& mark) {
    if (mark.kind == WhiteoutKind::opaque) {
        require_opaque(dirs().open(mark.path), mark.path);
        return;
    }
    const Place place = place_of(mark.path);
    const int rc = make_hide_mark(place.parent_fd, place.name.c_str());
    if (rc != -EEXIST) {
        check(rc, "make whiteout", mark.path);
        return;
    }
    // An own entry of that name stays; a directory must not be merged with the lower one.
    const int own = raw::openat(place.parent_fd, place.name.c_str(),
                                O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (own == -ENOTDIR) return;
    const UniqueFd own_fd(check(own, "open", mark.path));
    require_opaque(own_fd.get(), mark.path);
    implied_.erase(mark.path);  // new, not the lower one
}

void TreeWriter::require_opaque(int dir_fd, const std::string& path) {
    // fsetxattr(2) wants a real descriptor, the cache holds O_PATH ones.
    const UniqueFd dir(check(raw::openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC),
                             "open directory", path));
    const int rc = make_opaque(dir.get());
    if (rc == -EOPNOTSUPP)
        throw SysError(-rc, "mark as opaque", quoted(path),
                       "the store's file system needs user extended attributes");
    check(rc, "mark as opaque", path);
}

DirCache& TreeWriter::dirs() noexcept {
    if (stale_) dirs_.forget();
    stale_ = false;
    return dirs_;
}

TreeWriter::Place TreeWriter::place_of(const std::string& path) {
    const SplitPath split = split_entry_path(path);
    return {dirs().open(split.parent), std::string(split.name)};
}

bool TreeWriter::clear(const Place& place, const std::string& path) {
    struct stat status {};
    if (::fstatat(place.parent_fd, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return false;
        throw SysError(errno, "stat", quoted(path));
    }
    stale_ = true;
    if (!S_ISDIR(status.st_mode)) {
        check(raw::unlinkat(place.parent_fd, place.name.c_str()), "remove", path);
        return S_ISCHR(status.st_mode);
    }
    if (!base::remove_tree_at(place.parent_fd, place.name))
        throw Error("cannot replace " + quoted(path));
    forget_below(path);
    return false;
}

void TreeWriter::forget_below(const std::string& path) {
    const std::string prefix = path + "/";
    const auto gone = [&](const std::string& name) {
        return name == path || name.starts_with(prefix);
    };
    std::erase_if(dir_records_, [&](const auto& item) { return gone(item.first); });
    std::erase_if(implied_, gone);
}

void TreeWriter::make_file(const TarEntry& entry, const std::string& path, TarReader& reader) {
    constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    const mode_t mode = entry.mode & 0777;
    const Place place = place_of(path);
    int rc = raw::openat(place.parent_fd, place.name.c_str(), kFlags, mode);
    if (rc == -EEXIST) {
        (void)clear(place, path);
        rc = raw::openat(place.parent_fd, place.name.c_str(), kFlags, mode);
    }
    const UniqueFd file(check(rc, "create", path));
    write_data(file.get(), entry, reader);
    finish_file(file.get(), entry, path);
}

void TreeWriter::write_data(int fd, const TarEntry& entry, TarReader& reader) {
    std::uint64_t position = 0;
    while (entry.size_bytes != 0) {
        const std::optional<TarReader::DataBlock> block = reader.next_data();
        if (!block) break;
        if (block->bytes.empty()) continue;
        if (block->offset > entry.size_bytes ||
            block->bytes.size() > entry.size_bytes - block->offset)
            throw IntegrityError("bad tar: data beyond the end of " + quoted(entry.path));
        std::span<const std::byte> rest = block->bytes;
        std::uint64_t offset = block->offset;
        while (!rest.empty()) {
            const long rc = offset == position ? raw::write(fd, rest.data(), rest.size())
                                               : raw::pwrite(fd, rest.data(), rest.size(),
                                                             static_cast<std::int64_t>(offset));
            if (rc == -EINTR) continue;
            if (rc < 0) check(static_cast<int>(rc), "write", entry.path);
            if (offset == position) position += static_cast<std::uint64_t>(rc);
            offset += static_cast<std::uint64_t>(rc);
            rest = rest.subspan(static_cast<size_t>(rc));
        }
        count_written(block->bytes.size());
    }
    if (position < entry.size_bytes) {
        // Holes: at the end, or between pieces that were written by offset.
        const long rc = raw::call(SYS_ftruncate, fd, static_cast<long>(entry.size_bytes));
        if (rc == -EFBIG || rc == -EINVAL)
            throw IntegrityError("bad tar: " + quoted(entry.path) +
                                 " is too large: " + std::to_string(entry.size_bytes) + " bytes");
        check(static_cast<int>(rc), "set the size of", entry.path);
    }
}

void TreeWriter::finish_file(int fd, const TarEntry& entry, const std::string& path) {
    // Order matters: a write and a change of owner drop setuid bits and file capabilities.
    const KeptOwner owner = owner_of(entry, path);
    const mode_t mode = mode_of(entry, owner, path);
    if (!owner.is_root()) check(raw::fchown(fd, owner.uid, owner.gid), "set the owner of", path);
    if ((mode & kSpecialBits) != 0) check(raw::fchmod(fd, mode), "set the mode of", path);
    if (!entry.xattrs.empty()) set_xattrs(fd, entry.xattrs, path);
    timespec times[2];
    times_of(entry.mtime_seconds, entry.mtime_nanoseconds, times);
    check(raw::utimensat(fd, nullptr, times, 0), "set the time of", path);
}

void TreeWriter::make_symlink(const TarEntry& entry, const std::string& path) {
    const Place place = place_of(path);
    const char* text = entry.link_target.c_str();
    if (entry.link_target.empty())
        throw IntegrityError("bad tar: symbolic link " + quoted(path) + " points nowhere");
    int rc = raw::symlinkat(text, place.parent_fd, place.name.c_str());
    if (rc == -EEXIST) {
        (void)clear(place, path);
        rc = raw::symlinkat(text, place.parent_fd, place.name.c_str());
    }
    check(rc, "create link", path);
    const KeptOwner owner = owner_of(entry, path);
    if (!owner.is_root())
        check(raw::fchownat(place.parent_fd, place.name.c_str(), owner.uid, owner.gid,
                            AT_SYMLINK_NOFOLLOW),
              "set the owner of", path);
    timespec times[2];
    times_of(entry.mtime_seconds, entry.mtime_nanoseconds, times);
    check(raw::utimensat(place.parent_fd, place.name.c_str(), times, AT_SYMLINK_NOFOLLOW),
          "set the time of", path);
}

void TreeWriter::make_fifo(const TarEntry& entry, const std::string& path) {
    const Place place = place_of(path);
    const char* name = place.name.c_str();
    const KeptOwner owner = owner_of(entry, path);
    const mode_t mode = mode_of(entry, owner, path);
    int rc = raw::mknodat(place.parent_fd, name, S_IFIFO | 0600, 0);
    if (rc == -EEXIST) {
        (void)clear(place, path);
        rc = raw::mknodat(place.parent_fd, name, S_IFIFO | 0600, 0);
    }
    check(rc, "create", path);
    if (!owner.is_root())
        check(raw::fchownat(place.parent_fd, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW),
              "set the owner of", path);
    check(raw::fchmodat(place.parent_fd, name, mode), "set the mode of", path);
    timespec times[2];
    times_of(entry.mtime_seconds, entry.mtime_nanoseconds, times);
    check(raw::utimensat(place.parent_fd, name, times, AT_SYMLINK_NOFOLLOW), "set the time of",
          path);
}

void TreeWriter::make_hard_link(const TarEntry& entry, const std::string& path) {
    const std::string target = clean_entry_path(entry.link_target);
    const auto refuse = [&](const char* why) {
        throw IntegrityError("bad hard link " + quoted(path) + " to " + quoted(entry.link_target) +
                             ": " + why);
    };
    const SplitPath split = split_entry_path(target);
    const std::string target_name(split.name);
    const int cached_fd = dirs().try_open(split.parent);
    if (cached_fd < 0 || target.empty()) refuse("no such entry in this layer");
    // The cache may give this descriptor up when it looks for the new name's directory.
    const UniqueFd target_dir(
        check(raw::fcntl(cached_fd, F_DUPFD_CLOEXEC, 3), "hold directory", target));
    struct stat status {};
    if (::fstatat(target_dir.get(), target_name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        refuse("no such entry in this layer");
    if (S_ISDIR(status.st_mode)) refuse("it is a directory");
    if (S_ISCHR(status.st_mode)) refuse("no such entry in this layer");
    if (S_ISLNK(status.st_mode)) {
        std::string text(4096, '\0');
        const long size =
            raw::readlinkat(target_dir.get(), target_name.c_str(), text.data(), text.size());
        if (size < 0) throw SysError(static_cast<int>(-size), "read link", quoted(target));
        text.resize(static_cast<size_t>(size));
        if (climbs_above_root(target, text)) refuse("link target outside the root");
        struct stat followed {};
        // The process's root is the layer's: an absolute link is looked up inside it.
        if (text.starts_with('/') &&
            ::fstatat(target_dir.get(), target_name.c_str(), &followed, 0) != 0)
            refuse("link target outside the root");
    }
    if (target == path) return;
    const Place place = place_of(path);
    int rc =
        raw::linkat(target_dir.get(), target_name.c_str(), place.parent_fd, place.name.c_str(), 0);
    if (rc == -EEXIST) {
        struct stat existing {};
        if (::fstatat(place.parent_fd, place.name.c_str(), &existing, AT_SYMLINK_NOFOLLOW) == 0 &&
            existing.st_ino == status.st_ino)
            return;
        (void)clear(place, path);
        rc = raw::linkat(target_dir.get(), target_name.c_str(), place.parent_fd, place.name.c_str(),
                         0);
    }
    if (rc == -ENOENT) refuse("no such entry in this layer");
    check(rc, "create hard link", path);
    (void)owner_of(entry, path);
}

}  // namespace sandbox::image
