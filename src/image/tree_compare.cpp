#include "image/tree_compare.hpp"

#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "image/entry_path.hpp"
#include "image/owner_rule.hpp"
#include "image/xattr_policy.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

namespace raw = base::raw;
using base::UniqueFd;

constexpr size_t kMaxDifferences = 10'000;
constexpr int kMaxDepth = 4096;
constexpr size_t kBufferBytes = 256u << 10;

std::uint64_t hash_of(std::string_view path) {
    return std::hash<std::string_view>{}(path);
}

mode_t kind_of(EntryType type) {
    switch (type) {
        case EntryType::directory:
            return S_IFDIR;
        case EntryType::symlink:
            return S_IFLNK;
        case EntryType::fifo:
            return S_IFIFO;
        default:
            return S_IFREG;
    }
}

// A machine that has run out of something, or a disk that does not answer, says nothing about the
// tree; any other error is the tree's answer.
void require_answer(int errnum, std::string_view path) {
    if (errnum == ENOMEM || errnum == ENFILE || errnum == EMFILE || errnum == EIO)
        throw base::SysError(errnum, "compare", base::quote(path));
}

// Entries that leave nothing in the tree.
bool is_left_out(EntryType type) {
    return type == EntryType::char_device || type == EntryType::block_device ||
           type == EntryType::socket;
}

}  // namespace

TreeCompare::TreeCompare(int root_fd, const kernel::IdMap& ids)
    : root_fd_(root_fd), ids_(ids), dirs_(root_fd, {}), buffer_(kBufferBytes) {}

void TreeCompare::run(Pass pass, TarReader& reader) {
    TarEntry entry;
    std::uint64_t index = 0;
    while (reader.next(entry)) {
        ++index;
        if (pass == Pass::survey) {
            survey(entry, index);
        } else {
            compare(entry, index, reader);
        }
    }
    reader.drain();
    if (pass == Pass::compare) find_extras();
}

void TreeCompare::survey(const TarEntry& entry, std::uint64_t index) {
    if (is_left_out(entry.type)) return;
    Seen& seen = last_[hash_of(clean_entry_path(entry.path))];
    seen.index = index;
    if (entry.type != EntryType::directory) seen.not_directory = index;
}

// Is there a later entry of this name, or one that took the place of a directory above it?
bool TreeCompare::superseded(std::string_view path, std::uint64_t index) const {
    const auto own = last_.find(hash_of(path));
    if (own != last_.end() && own->second.index > index) return true;
    for (path = split_entry_path(path).parent; !path.empty();
         path = split_entry_path(path).parent) {
        const auto above = last_.find(hash_of(path));
        if (above != last_.end() && above->second.not_directory > index) return true;
    }
    return false;
}

void TreeCompare::compare(const TarEntry& entry, std::uint64_t index, TarReader& reader) {
    if (is_left_out(entry.type)) return;
    const std::string path = clean_entry_path(entry.path);
    if (superseded(path, index)) return;
    index_ = index;
    const Whiteout mark = parse_whiteout(path);
    if (mark.kind == WhiteoutKind::metadata) return;
    if (mark.kind == WhiteoutKind::none) return compare_entry(entry, path, reader);
    compare_mark(mark);
}

void TreeCompare::compare_mark(const Whiteout& mark) {
    const SplitPath split = split_entry_path(mark.path);
    const int parent_fd = dirs_.try_open(split.parent);
    const std::string name = split.name.empty() ? "." : std::string(split.name);
    struct stat status {};
    if (parent_fd < 0 || ::fstatat(parent_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0)
        return differ(mark.path, "the whiteout is missing");
    expected_.insert(status.st_ino);
    if (!S_ISDIR(status.st_mode)) {
        // An own entry covers the lower one by itself; anything else must be the mark.
        const bool own = last_.contains(hash_of(mark.path));
        const bool is_mark = S_ISCHR(status.st_mode) && status.st_rdev == 0;
        if (!own && !is_mark) differ(mark.path, "the whiteout is missing");
        return;
    }
    const UniqueFd dir(
        raw::openat(parent_fd, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    char value = 0;
    if (::fgetxattr(dir.get(), kOpaqueXattr, &value, 1) != 1 || value != 'y')
        differ(mark.path, "the directory is not opaque");
}

void TreeCompare::compare_entry(const TarEntry& entry, const std::string& path, TarReader& reader) {
    const SplitPath split = split_entry_path(path);
    const std::string name = path.empty() ? "." : std::string(split.name);
    const int parent_fd = dirs_.try_open(split.parent);
    struct stat status {};
    if (parent_fd < 0) return differ(path, "missing");
    if (::fstatat(parent_fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        require_answer(errno, path);
        return differ(path, "missing");
    }
    expected_.insert(status.st_ino);
    if (entry.type == EntryType::hard_link) return compare_hard_link(entry, path, status);
    if ((status.st_mode & S_IFMT) != kind_of(entry.type)) return differ(path, "is of another type");
    compare_attributes(entry, path, status);
    if (entry.type == EntryType::symlink) return compare_link(parent_fd, name, entry, path);
    if (entry.type == EntryType::fifo) return;
    if (entry.type == EntryType::file &&
        static_cast<std::uint64_t>(status.st_size) != entry.size_bytes)
        return differ(path, "is of another size");
    compare_data(parent_fd, name, entry, path, reader);
}

void TreeCompare::compare_attributes(const TarEntry& entry, const std::string& path,
                                     const struct stat& status) {
    const KeptOwner owner = kept_owner(ids_, entry);
    if (status.st_uid != owner.uid || status.st_gid != owner.gid)
        differ(path, "belongs to " + std::to_string(status.st_uid) + ":" +
                         std::to_string(status.st_gid) + ", not to " + std::to_string(owner.uid) +
                         ":" + std::to_string(owner.gid));
    if (entry.type == EntryType::symlink) return;
    if ((status.st_mode & 07777) != kept_mode(entry, owner)) differ(path, "has another mode");
    // File systems clamp what they cannot hold (ext4 with small inodes: 1901 to 2038).
    constexpr std::int64_t kLast = 0x7fffffff;
    if (entry.mtime_seconds >= 0 && entry.mtime_seconds <= kLast &&
        status.st_mtim.tv_sec != entry.mtime_seconds)
        differ(path, "has another time");
}

void TreeCompare::compare_data(int parent_fd, const std::string& name, const TarEntry& entry,
                               const std::string& path, TarReader& reader) {
    const UniqueFd file(
        raw::openat(parent_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file.valid()) {
        require_answer(-file.get(), path);
        return differ(path, "cannot be read: " + base::errno_text(-file.get()));
    }
    if (entry.type == EntryType::file && !same_data(file.get(), entry, reader))
        differ(path, "has other content");
    compare_xattrs(file.get(), entry, path);
}

bool TreeCompare::same_data(int fd, const TarEntry& entry, TarReader& reader) {
    std::uint64_t position = 0;
    while (entry.size_bytes != 0) {
        const std::optional<TarReader::DataBlock> block = reader.next_data();
        if (!block) break;
        if (block->bytes.empty()) continue;
        if (!is_hole(fd, position, block->offset) || !same_bytes(fd, *block)) return false;
        position = block->offset + block->bytes.size();
    }
    return is_hole(fd, position, entry.size_bytes);
}

bool TreeCompare::same_bytes(int fd, const TarReader::DataBlock& block) {
    size_t done = 0;
    while (done < block.bytes.size()) {
        const long rc =
            raw::pread(fd, buffer_.data(), std::min(buffer_.size(), block.bytes.size() - done),
                       static_cast<std::int64_t>(block.offset + done));
        if (rc == -EINTR) continue;
        if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read a file of the layer");
        if (rc == 0) return false;
        const auto got = static_cast<size_t>(rc);
        if (std::memcmp(buffer_.data(), block.bytes.data() + done, got) != 0) return false;
        done += got;
    }
    return true;
}

// Only zeros from `begin` to `end`? What the file system keeps as a hole need not be read.
bool TreeCompare::is_hole(int fd, std::uint64_t begin, std::uint64_t end) {
    while (begin < end) {
        const long data =
            raw::call(SYS_lseek, fd, static_cast<long>(begin), static_cast<long>(SEEK_DATA));
        if (data == -ENXIO || (data >= 0 && static_cast<std::uint64_t>(data) >= end)) return true;
        if (data > static_cast<long>(begin)) begin = static_cast<std::uint64_t>(data);
        const long rc =
            raw::pread(fd, buffer_.data(),
                       static_cast<size_t>(std::min<std::uint64_t>(buffer_.size(), end - begin)),
                       static_cast<std::int64_t>(begin));
        if (rc == -EINTR) continue;
        if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read a file of the layer");
        if (rc == 0 || !std::all_of(buffer_.begin(), buffer_.begin() + rc,
                                    [](char byte) { return byte == 0; }))
            return false;
        begin += static_cast<std::uint64_t>(rc);
    }
    return true;
}

void TreeCompare::compare_xattrs(int fd, const TarEntry& entry, const std::string& path) {
    for (const TarXattr& xattr : entry.xattrs) {
        const XattrRule rule = xattr_rule(xattr.name);
        if (rule != XattrRule::keep && rule != XattrRule::file_capability) continue;
        std::string wanted = xattr.value;
        if (rule == XattrRule::file_capability) {
            const auto portable = portable_capability(xattr.value);
            if (!portable) continue;
            wanted = *portable;
        }
        std::string value(wanted.size() + 1, '\0');
        const long size = ::fgetxattr(fd, xattr.name.c_str(), value.data(), value.size());
        if (size < 0 && errno == EOPNOTSUPP) continue;
        value.resize(size < 0 ? 0 : static_cast<size_t>(size));
        if (size < 0 || value != wanted)
            differ(path, "the attribute " + base::quote(xattr.name) + " differs");
    }
}

void TreeCompare::compare_link(int parent_fd, const std::string& name, const TarEntry& entry,
                               const std::string& path) {
    std::string text(entry.link_target.size() + 1, '\0');
    const long size = raw::readlinkat(parent_fd, name.c_str(), text.data(), text.size());
    text.resize(size < 0 ? 0 : static_cast<size_t>(size));
    if (text != entry.link_target) differ(path, "points elsewhere");
}

void TreeCompare::compare_hard_link(const TarEntry& entry, const std::string& path,
                                    const struct stat& status) {
    const std::string target = clean_entry_path(entry.link_target);
    if (superseded(target, index_)) return;
    const SplitPath split = split_entry_path(target);
    const int parent_fd = dirs_.try_open(split.parent);
    struct stat other {};
    if (parent_fd < 0 ||
        ::fstatat(parent_fd, std::string(split.name).c_str(), &other, AT_SYMLINK_NOFOLLOW) != 0)
        return differ(path, "its hard link's other name is missing");
    if (other.st_ino != status.st_ino) differ(path, "is no hard link of " + base::quote(target));
}

void TreeCompare::find_extras() {
    (void)walk({}, 0);
}

bool TreeCompare::walk(const std::string& path, int depth) {
    if (depth > kMaxDepth) return true;
    bool any = false;
    std::vector<std::pair<std::string, bool>> subdirs;  // name, known by itself
    {
        const UniqueFd dir(
            raw::openat(dirs_.try_open(path), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!dir.valid()) return true;
        for (const std::string& name : base::list_dir(dir.get())) {
            struct stat status {};
            if (::fstatat(dir.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
            const bool known = expected_.contains(status.st_ino);
            if (S_ISDIR(status.st_mode)) {
                subdirs.emplace_back(name, known);
            } else if (!known) {
                differ(path.empty() ? name : path + "/" + name, "is not in the layer");
            }
            any = any || known;
        }
    }
    // The descriptor is closed: the depth costs none.
    for (const auto& [name, known] : subdirs) {
        const std::string inner = path.empty() ? name : path + "/" + name;
        const bool inside = walk(inner, depth + 1);
        if (!known && !inside) differ(inner, "is not in the layer");
        any = any || known || inside;
    }
    return any;
}

void TreeCompare::differ(const std::string& path, const std::string& what) {
    if (differences_.size() < kMaxDifferences)
        differences_.push_back(base::quote(path) + ": " + what);
}

}  // namespace sandbox::image
