#include "image/tree_extract.hpp"

#include <fcntl.h>
#include <linux/openat2.h>

#include <cerrno>
#include <utility>

#include "image/entry_path.hpp"
#include "image/plain_stream.hpp"
#include "image/xattr_policy.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::Error;
using base::SysError;
using base::UniqueFd;

constexpr size_t kMaxNotices = 20;
constexpr mode_t kIdBits = S_ISUID | S_ISGID;
constexpr const char* kStagedPrefix = ".sandbox-cp-";

int check(long rc, std::string_view tried, const std::string& path) {
    if (rc < 0) throw SysError(static_cast<int>(-rc), tried, base::quote(path));
    return static_cast<int>(rc);
}

void times_of(const TarEntry& entry, timespec times[2]) {
    times[0] = {0, UTIME_OMIT};
    times[1] = {static_cast<time_t>(entry.mtime_seconds),
                static_cast<long>(entry.mtime_nanoseconds)};
}

void write_all_at(int fd, std::span<const std::byte> bytes, std::uint64_t offset,
                  const std::string& path) {
    while (!bytes.empty()) {
        const long rc =
            raw::pwrite(fd, bytes.data(), bytes.size(), static_cast<std::int64_t>(offset));
        if (rc == -EINTR) continue;
        check(rc, "write", path);
        offset += static_cast<std::uint64_t>(rc);
        bytes = bytes.subspan(static_cast<size_t>(rc));
    }
}

void write_content(int fd, const TarEntry& entry, TarReader& reader, const std::string& path) {
    std::uint64_t end = 0;
    while (const auto block = reader.next_data()) {
        write_all_at(fd, block->bytes, block->offset, path);
        end = block->offset + block->bytes.size();
    }
    if (end < entry.size_bytes) {
        check(raw::call(SYS_ftruncate, fd, static_cast<long>(entry.size_bytes)), "set the size of",
              path);
    }
}

FileOwner file_owner(const TarEntry& entry) noexcept {
    constexpr std::uint64_t kNoId = 0xffffffff;
    FileOwner owner;
    if (entry.uid < kNoId) owner.uid = static_cast<std::uint32_t>(entry.uid);
    if (entry.gid < kNoId) owner.gid = static_cast<std::uint32_t>(entry.gid);
    return owner;
}

}  // namespace

TreeExtract::TreeExtract(int target_fd, const ExtractOptions& options)
    : target_fd_(target_fd), options_(options) {}

void TreeExtract::notice(const std::string& line) {
    if (report_.notices.size() < kMaxNotices) report_.notices.push_back(line);
}

std::string TreeExtract::shown(const std::string& path) const {
    std::string text = options_.shown_target;
    if (!text.ends_with('/')) text += '/';
    return text + path;
}

std::string TreeExtract::renamed(std::string path) const {
    if (options_.rename_from == options_.rename_to) return path;
    if (options_.rename_from.empty()) {  // "." and all below it get a name
        return path.empty() ? options_.rename_to : options_.rename_to + "/" + path;
    }
    const size_t slash = path.find('/');
    if (path.substr(0, slash) != options_.rename_from) return path;
    return options_.rename_to + (slash == std::string::npos ? "" : path.substr(slash));
}

// `path` is clean. Missing directories are made when wished.
UniqueFd TreeExtract::open_dir(const std::string& path, bool make) {
    UniqueFd dir(check(raw::openat(target_fd_, ".", O_PATH | O_DIRECTORY | O_CLOEXEC), "open",
                       options_.shown_target));
    if (path.empty()) return dir;
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC | (options_.follow_links ? 0u : O_NOFOLLOW);
    how.resolve = RESOLVE_NO_MAGICLINKS;
    for (const std::string& name : base::split(path, '/')) {
        int rc = raw::openat2(dir.get(), name.c_str(), how);
        if (rc == -ENOSYS) {
            rc = raw::openat(dir.get(), name.c_str(), static_cast<int>(how.flags));
        }
        if (rc == -ENOENT && make) {
            check(raw::mkdirat(dir.get(), name.c_str(), 0755), "make directory", shown(path));
            if (wants_owner()) set_owner(dir.get(), name, TarEntry{}, path);
            rc =
                raw::openat(dir.get(), name.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        if (rc == -ENOTDIR) {
            throw Error("cannot make anything below " + base::quote(shown(path)) +
                        ": it is no directory");
        }
        dir.reset(check(rc, "open directory", shown(path)));
    }
    return dir;
}

int TreeExtract::open_parent(const std::string& path) {
    const std::string parent(split_entry_path(path).parent);
    if (!parent_ || parent != parent_path_) {
        parent_ = open_dir(parent, true);
        parent_path_ = parent;
    }
    return parent_.get();
}

bool TreeExtract::wants_owner() const noexcept {
    return options_.owners != ExtractOptions::Owners::caller &&
           options_.ids.mode == kernel::IdMode::range;
}

TreeExtract::Owner TreeExtract::owner_of(const TarEntry& entry, const std::string& path) {
    if (options_.owners == ExtractOptions::Owners::root) return {0, 0};
    const bool fits = entry.uid < 0xffffffff && entry.gid < 0xffffffff &&
                      options_.ids.contains_uid({static_cast<std::uint32_t>(entry.uid)}) &&
                      options_.ids.contains_gid({static_cast<std::uint32_t>(entry.gid)});
    if (fits) return {static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid)};
    if (!std::exchange(said_owner_, true)) {
        notice(base::quote(path) + " belongs to " + std::to_string(entry.uid) + ":" +
               std::to_string(entry.gid) + ", which is beyond the id map: root has it now");
    }
    return {0, 0};
}

void TreeExtract::set_owner(int parent_fd, const std::string& name, const TarEntry& entry,
                            const std::string& path) {
    if (!wants_owner()) return;
    const Owner owner = owner_of(entry, path);
    check(raw::fchownat(parent_fd, name.c_str(), owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW),
          "set the owner of", shown(path));
}

void TreeExtract::mark_owner(int fd, const FileOwner& owner, const std::string& path) {
    if (!options_.mark_owners || options_.owners != ExtractOptions::Owners::given) return;
    const std::string text = format_file_owner(owner);
    const int rc = raw::fsetxattr(fd, kOwnerAttribute, text.data(), text.size(), 0);
    if (rc != -EOPNOTSUPP && rc != -EPERM) check(rc, "remember the owner of", shown(path));
}

mode_t TreeExtract::mode_of(const TarEntry& entry) {
    if (options_.id_bits || entry.type == EntryType::directory) return entry.mode & 07777;
    if ((entry.mode & kIdBits) != 0 && !std::exchange(said_id_bits_, true)) {
        notice("setuid and setgid bits are not kept outside of containers");
    }
    return entry.mode & 07777 & ~kIdBits;
}

// Owner, mode, attributes, time: in this order, since the first drops what the others set.
void TreeExtract::set_attributes(int fd, const TarEntry& entry, const std::string& path) {
    if (wants_owner()) {
        const Owner owner = owner_of(entry, path);
        check(raw::fchown(fd, owner.uid, owner.gid), "set the owner of", shown(path));
    }
    mark_owner(fd, file_owner(entry), path);
    check(raw::fchmod(fd, mode_of(entry)), "set the mode of", shown(path));
    for (const TarXattr& xattr : entry.xattrs) {
        const XattrRule rule = xattr_rule(xattr.name);
        std::string value = xattr.value;
        if (rule == XattrRule::file_capability) {
            if (!options_.id_bits) continue;
            const std::optional<std::string> portable = portable_capability(value);
            if (!portable) continue;
            value = *portable;
        } else if (rule != XattrRule::keep) {
            continue;
        }
        const int rc = raw::fsetxattr(fd, xattr.name.c_str(), value.data(), value.size(), 0);
        // What the file system here does not keep.
        if (rc == -EOPNOTSUPP || rc == -EPERM || rc == -ENOSPC) continue;
        check(rc, "set attribute of", shown(path));
    }
    timespec times[2];
    times_of(entry, times);
    check(raw::utimensat(fd, nullptr, times, 0), "set the time of", shown(path));
}

void TreeExtract::clear(int parent_fd, const std::string& name, const std::string& path) {
    const int rc = raw::unlinkat(parent_fd, name.c_str());
    if (rc == -ENOENT) return;
    if (rc == -EISDIR) {
        throw Error("cannot overwrite directory " + base::quote(shown(path)) +
                    " with non-directory " + base::quote(options_.shown_target));
    }
    check(rc, "replace", shown(path));
}

void TreeExtract::make_directory(const TarEntry& entry, const std::string& path, int parent_fd,
                                 const std::string& name) {
    const int rc = raw::mkdirat(parent_fd, name.c_str(), 0700);
    if (rc == -EEXIST) {
        struct stat info {};
        check(::fstatat(parent_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : -errno,
              "look at", shown(path));
        if (!S_ISDIR(info.st_mode)) {
            throw Error("cannot overwrite non-directory " + base::quote(shown(path)) +
                        " with directory " + base::quote(options_.shown_target));
        }
        // Merged into what is there, which keeps its owner, mode and time.
        if (options_.owners != ExtractOptions::Owners::given) return;
    } else {
        check(rc, "make directory", shown(path));
    }
    set_owner(parent_fd, name, entry, path);
    Dir dir{path, mode_of(entry), {}, file_owner(entry)};
    times_of(entry, dir.times);
    dirs_.push_back(std::move(dir));
}

void TreeExtract::make_file(const TarEntry& entry, const std::string& path, int parent_fd,
                            const std::string& name, TarReader& reader) {
    constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    std::string made = name;
    int rc = raw::openat(parent_fd, made.c_str(), kFlags, 0600);
    if (rc == -EEXIST) {
        // Whoever reads that name meanwhile sees the old file or the new one, whole.
        made = kStagedPrefix + std::to_string(raw::getpid()) + "-" + std::to_string(++staged_);
        rc = raw::openat(parent_fd, made.c_str(), kFlags, 0600);
    }
    const UniqueFd file(check(rc, "create", shown(path)));
    try {
        write_content(file.get(), entry, reader, shown(path));
        set_attributes(file.get(), entry, path);
        if (made != name) write_over(parent_fd, name, made, path);
    } catch (const Error&) {
        (void)raw::unlinkat(parent_fd, made.c_str());
        throw;
    }
}

// rename(2) refuses where something is mounted on the name: then the bytes go into what is there.
void TreeExtract::write_over(int parent_fd, const std::string& name, const std::string& staged,
                             const std::string& path) {
    const int rc = raw::renameat2(parent_fd, staged.c_str(), parent_fd, name.c_str());
    if (rc == -EISDIR) {
        throw Error("cannot overwrite directory " + base::quote(shown(path)) +
                    " with non-directory " + base::quote(options_.shown_target));
    }
    if (rc != -EBUSY) {
        check(rc, "replace", shown(path));
        return;
    }
    const UniqueFd from(
        check(raw::openat(parent_fd, staged.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC), "open",
              shown(path)));
    const UniqueFd to(
        check(raw::openat(parent_fd, name.c_str(), O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
              "replace", shown(path)));
    struct stat info {};
    if (::fstat(to.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        throw SysError(EBUSY, "replace", base::quote(shown(path)));
    }
    check(raw::call(SYS_ftruncate, to.get(), 0), "replace", shown(path));
    std::vector<std::byte> chunk(64u << 10);
    for (std::uint64_t offset = 0;;) {
        const long size =
            raw::pread(from.get(), chunk.data(), chunk.size(), static_cast<std::int64_t>(offset));
        check(size, "read", shown(path));
        if (size == 0) break;
        write_all_at(to.get(), std::span(chunk).first(static_cast<size_t>(size)), offset,
                     shown(path));
        offset += static_cast<std::uint64_t>(size);
    }
    (void)raw::unlinkat(parent_fd, staged.c_str());
}

void TreeExtract::make_special(const TarEntry& entry, const std::string& path, int parent_fd,
                               const std::string& name) {
    if (entry.type == EntryType::char_device || entry.type == EntryType::block_device) {
        notice(base::quote(shown(path)) + " is a device node and was left out");
        return;
    }
    if (entry.type == EntryType::socket) return;
    clear(parent_fd, name, path);
    if (entry.type == EntryType::symlink) {
        check(raw::symlinkat(entry.link_target.c_str(), parent_fd, name.c_str()), "make link",
              shown(path));
    } else {
        check(raw::mknodat(parent_fd, name.c_str(), S_IFIFO | 0600, 0), "make FIFO", shown(path));
    }
    set_owner(parent_fd, name, entry, path);
    if (entry.type == EntryType::fifo) {
        check(raw::fchmodat(parent_fd, name.c_str(), mode_of(entry)), "set the mode of",
              shown(path));
    }
    timespec times[2];
    times_of(entry, times);
    check(raw::utimensat(parent_fd, name.c_str(), times, AT_SYMLINK_NOFOLLOW), "set the time of",
          shown(path));
}

void TreeExtract::make_hard_link(const TarEntry& entry, const std::string& path, int parent_fd,
                                 const std::string& name) {
    const std::string target = renamed(clean_entry_path(entry.link_target));
    // Outside of containers: only to what this very archive has brought.
    if (!options_.follow_links && !made_.contains(target)) {
        throw base::IntegrityError("hard link " + base::quote(shown(path)) + " to " +
                                   base::quote(target) + ", which is not part of the archive");
    }
    const SplitPath split = split_entry_path(target);
    const UniqueFd from = open_dir(std::string(split.parent), false);
    if (target == path) return;
    clear(parent_fd, name, path);
    check(raw::linkat(from.get(), std::string(split.name).c_str(), parent_fd, name.c_str(), 0),
          "link", shown(path));
}

void TreeExtract::apply(const TarEntry& entry, TarReader& reader) {
    ++report_.entries;
    const std::string path = renamed(clean_entry_path(entry.path));
    if (path.empty()) return;  // the target itself stays as it is
    const int parent_fd = open_parent(path);
    const std::string name(split_entry_path(path).name);
    switch (entry.type) {
        case EntryType::directory:
            make_directory(entry, path, parent_fd, name);
            return;
        case EntryType::file:
            make_file(entry, path, parent_fd, name, reader);
            break;
        case EntryType::hard_link:
            make_hard_link(entry, path, parent_fd, name);
            break;
        default:
            make_special(entry, path, parent_fd, name);
            break;
    }
    if (!options_.follow_links) made_.insert(path);
}

FileReport TreeExtract::finish() {
    for (auto dir = dirs_.rbegin(); dir != dirs_.rend(); ++dir) {
        const UniqueFd parent = open_dir(std::string(split_entry_path(dir->path).parent), false);
        const std::string name(split_entry_path(dir->path).name);
        const int rc = raw::openat(parent.get(), name.c_str(),
                                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (rc == -ENOENT || rc == -ENOTDIR) continue;  // somebody was quicker
        const UniqueFd fd(check(rc, "open directory", shown(dir->path)));
        mark_owner(fd.get(), dir->owner, dir->path);
        check(raw::fchmod(fd.get(), dir->mode), "set the mode of", shown(dir->path));
        check(raw::utimensat(fd.get(), nullptr, dir->times, 0), "set the time of",
              shown(dir->path));
    }
    return std::move(report_);
}

FileReport extract_tree(int in_fd, int target_fd, const ExtractOptions& options) {
    PlainStream stream(in_fd);
    TarReader reader([&] { return stream.next(); });
    TreeExtract extract(target_fd, options);
    TarEntry entry;
    while (reader.next(entry)) extract.apply(entry, reader);
    reader.drain();
    FileReport report = extract.finish();
    report.bytes = stream.read_bytes();
    return report;
}

}  // namespace sandbox::image
