#include "engine/identity/file_owners.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
using image::format_file_owner;
using image::kOwnerAttribute;
using image::parse_file_owner;

constexpr size_t kMaxTableBytes = 64u << 20;
constexpr size_t kMaxEntries = 1u << 20;

// An O_PATH descriptor answers no f…xattr call; by this name the others reach its file. Its
// number alone is the name in our directory of descriptors, which is found sooner.
using FdName = std::array<char, 32>;
constexpr size_t kNumberInName = 8;
FdName name_of(int fd) noexcept {
    FdName name{};
    (void)std::snprintf(name.data(), name.size(), "self/fd/%d", fd);
    return name;
}

// xattr(7): struct xattr_args of getxattrat(2) and setxattrat(2).
struct Attribute {
    std::uint64_t value = 0;
    std::uint32_t size = 0, flags = 0;
};

// getxattrat(2)
long ask_for_mark(int dir_fd, const char* path, int flags, const Attribute& room) noexcept {
    return raw::call(raw::kSysGetxattrat, dir_fd, raw::ptr(path), flags, raw::ptr(kOwnerAttribute),
                     raw::ptr(&room), sizeof room);
}

image::FileBirth birth_of(const FileFacts& facts) noexcept {
    return {facts.inode, facts.birth_seconds, facts.birth_nanoseconds};
}

}  // namespace

FileOwners::FileOwners(base::UniqueFd table_fd, image::OwnerTable table)
    : table_fd_(std::move(table_fd)), table_(std::move(table)) {
    // An older kernel, or a filter around us that does not know the newer calls: by longer names.
    const long known = ask_for_mark(AT_FDCWD, "self/fd", 0, {});
    const int descriptors = raw::openat(AT_FDCWD, "self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (descriptors >= 0) descriptors_.reset(descriptors);
    if (known == -ENOSYS || known == -EPERM) descriptors_.reset();
    if (!table_fd_) return;
    try {
        image::OwnerTable own =
            image::parse_owner_table(base::read_fd(table_fd_.get(), kMaxTableBytes));
        own.merge(table_);
        table_ = std::move(own);
    } catch (const base::Error& error) {
        base::log::debug("owners of links and devices: " + error.message());
    }
}

std::optional<FileOwner> FileOwners::read_mark(int fd) const noexcept {
    const FdName name = name_of(fd);
    std::array<char, 32> text{};
    long size = 0;
    if (descriptors_) {
        size = ask_for_mark(descriptors_.get(), name.data() + kNumberInName, 0,
                            {static_cast<std::uint64_t>(raw::ptr(text.data())), text.size(), 0});
    } else {
        size = raw::call(SYS_getxattr, raw::ptr(name.data()), raw::ptr(kOwnerAttribute),
                         raw::ptr(text.data()), text.size());
    }
    if (size <= 0) return std::nullopt;
    return parse_file_owner({text.data(), static_cast<size_t>(size)});
}

long FileOwners::write_mark(int fd, const std::string& text) const noexcept {
    const FdName name = name_of(fd);
    if (!descriptors_) {
        return raw::call(SYS_setxattr, raw::ptr(name.data()), raw::ptr(kOwnerAttribute),
                         raw::ptr(text.data()), static_cast<long>(text.size()), 0);
    }
    const Attribute mark{static_cast<std::uint64_t>(raw::ptr(text.data())),
                         static_cast<std::uint32_t>(text.size()), 0};
    return raw::call(raw::kSysSetxattrat, descriptors_.get(), raw::ptr(name.data() + kNumberInName),
                     0, raw::ptr(kOwnerAttribute), raw::ptr(&mark), sizeof mark);
}

int FileOwners::look_at(int fd, FileFacts& facts) noexcept {
    return look_at(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, facts);
}

int FileOwners::look_at(int dir_fd, const char* path, int flags, FileFacts& facts) noexcept {
    struct statx info {};
    const long rc = raw::call(SYS_statx, dir_fd, raw::ptr(path), flags,
                              STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, raw::ptr(&info));
    if (rc < 0) return static_cast<int>(rc);
    facts.device_major = info.stx_dev_major;
    facts.device_minor = info.stx_dev_minor;
    facts.inode = info.stx_ino;
    facts.mode = info.stx_mode;
    if ((info.stx_mask & STATX_BTIME) != 0) {
        facts.birth_seconds = info.stx_btime.tv_sec;
        facts.birth_nanoseconds = info.stx_btime.tv_nsec;
    }
    if ((info.stx_mask & STATX_MNT_ID) != 0) facts.mount = info.stx_mnt_id;  // since Linux 5.8
    return 0;
}

bool FileOwners::can_be_marked(const FileFacts& facts) const noexcept {
    // xattr(7): attributes of users are for files and directories.
    return (S_ISREG(facts.mode) || S_ISDIR(facts.mode)) && !is_left_alone(facts);
}

FileOwner FileOwners::of(int fd, const FileFacts& facts) const {
    if (can_be_marked(facts)) {
        if (const auto owner = read_mark(fd)) return *owner;
    }
    if (table_.empty()) return {};
    const auto known = table_.find(birth_of(facts));
    return known == table_.end() ? FileOwner{} : known->second;
}

std::optional<FileOwner> FileOwners::try_quickly(int fd) const noexcept {
    return unmarked_mounts_.empty() ? read_mark(fd) : std::nullopt;
}

QuickOwner FileOwners::look_quickly(int dir_fd, const char* path, int flags) const noexcept {
    const long rc = ask_for_mark(dir_fd, path, flags, {});
    if (rc == -ENOENT || rc == -ENOTDIR) return QuickOwner::no_file;
    // A file system without attributes answers EOPNOTSUPP, as /proc does: that needs a second look.
    if (rc != -ENODATA) return QuickOwner::perhaps_somebody;
    if (table_.empty()) return QuickOwner::root;
    FileFacts facts;
    if (look_at(dir_fd, path, flags, facts) < 0) return QuickOwner::perhaps_somebody;
    return table_.count(birth_of(facts)) == 0 ? QuickOwner::root : QuickOwner::perhaps_somebody;
}

int FileOwners::remember(int fd, const FileFacts& facts, const FileOwner& owner) {
    if (!can_be_marked(facts)) return enter_copied_up(fd, facts, owner);
    // Root, too: the mark below it in the image would come back with a copy.
    const long rc = write_mark(fd, format_file_owner(owner));
    return rc == -EOPNOTSUPP || rc == -EPERM ? enter(facts, owner) : static_cast<int>(rc);
}

// A link of the image has another inode once it is changed: only a changed one is committed.
int FileOwners::enter_copied_up(int fd, const FileFacts& facts, const FileOwner& owner) {
    if (is_left_alone(facts)) return enter(facts, owner);
    const long rc = raw::call(SYS_fchownat, fd, raw::ptr(""), 0, 0, AT_EMPTY_PATH);
    if (rc == -EROFS) return -EROFS;
    FileFacts changed;
    return enter(look_at(fd, changed) < 0 ? facts : changed, owner);
}

int FileOwners::enter(const FileFacts& facts, const FileOwner& owner) {
    const image::FileBirth birth = birth_of(facts);
    const auto known = table_.find(birth);
    if (known == table_.end() && owner == FileOwner{}) return 0;
    if (known != table_.end() && known->second == owner) return 0;
    if (known == table_.end() && table_.size() >= kMaxEntries) return -ENOSPC;
    table_.insert_or_assign(birth, owner);
    if (!table_fd_) return 0;
    const std::string line = image::owner_table_line(birth, owner);
    const long rc = raw::write(table_fd_.get(), line.data(), line.size());
    return rc < 0 ? static_cast<int>(rc) : 0;
}

}  // namespace sandbox::engine
