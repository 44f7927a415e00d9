// The lock protocol: a creator makes the entry, opens it and locks it; a remover locks it before it
// removes. Whoever comes second sees the other: the creator by a link count of 0 (and starts
// again), the remover by a lock that is taken.
#include "sandbox/base/temp_dir.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::base {
namespace {

constexpr std::string_view kTempPrefix = ".tmp-";
constexpr size_t kRandomBytes = 8;

// False when a remover was faster.
bool lock_new_entry(int fd) {
    while (::flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) throw SysError(errno, "lock a temporary entry");
    }
    struct stat info {};
    if (::fstat(fd, &info) != 0) throw SysError(errno, "stat a temporary entry");
    return info.st_nlink > 0;
}

// Removes an entry whose lock nobody holds. False when that needs another uid.
bool remove_if_stale(int dir_fd, const std::string& name) {
    struct stat info {};
    if (::fstatat(dir_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) return true;
        throw SysError(errno, "stat", quote(name));
    }
    if (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode)) return remove_tree_at(dir_fd, name);
    const int type_flag = S_ISDIR(info.st_mode) ? O_DIRECTORY : 0;
    const int rc = raw::openat(dir_fd, name.c_str(),
                               O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | type_flag);
    if (rc == -ENOENT) return true;
    // Its owner made it 0700 and locked it; one that cannot be opened was not left by a living one.
    if (rc == -EACCES) return remove_tree_at(dir_fd, name);
    if (rc < 0) throw SysError(-rc, "open", quote(name));
    const UniqueFd fd(rc);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return true;
        throw SysError(errno, "lock", quote(name));
    }
    return remove_tree_at(dir_fd, name);
}

}  // namespace

TempDir::TempDir(int parent_fd, const std::string& prefix) : parent_fd_(parent_fd) {
    for (;;) {
        name_ = prefix + random_hex(kRandomBytes);
        int rc = raw::mkdirat(parent_fd_, name_.c_str(), 0700);
        if (rc == -EEXIST) continue;
        if (rc < 0) throw SysError(-rc, "make directory", quote(name_));
        rc =
            raw::openat(parent_fd_, name_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (rc == -ENOENT) continue;
        if (rc < 0) throw SysError(-rc, "open directory", quote(name_));
        fd_.reset(rc);
        if (lock_new_entry(fd_.get())) return;
    }
}

TempDir::TempDir(TempDir&& other) noexcept
    : parent_fd_(other.parent_fd_),
      name_(std::exchange(other.name_, {})),
      fd_(std::move(other.fd_)) {}

TempDir::~TempDir() {
    if (name_.empty()) return;
    try {
        // What belongs to another uid stays for remove_stale_temps().
        (void)remove_tree_at(parent_fd_, name_);
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): likewise
    }
}

void TempDir::commit(int target_dir_fd, const std::string& name) {
    int rc =
        raw::renameat2(parent_fd_, name_.c_str(), target_dir_fd, name.c_str(), RENAME_NOREPLACE);
    // renameat2(2): EINVAL where the file system does not know the flag.
    if (rc == -EINVAL) {
        rc = raw::renameat2(parent_fd_, name_.c_str(), target_dir_fd, name.c_str());
    }
    if (rc < 0) throw SysError(-rc, "publish directory", quote(name));
    name_.clear();
}

StagedFile::StagedFile(int dir_fd, mode_t mode) : dir_fd_(dir_fd) {
    for (;;) {
        name_ = std::string(kTempPrefix) + random_hex(kRandomBytes);
        const int rc = raw::openat(dir_fd_, name_.c_str(),
                                   O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (rc == -EEXIST) continue;
        if (rc < 0) throw SysError(-rc, "create file", quote(name_));
        fd_.reset(rc);
        if (lock_new_entry(fd_.get())) break;
    }
    if (mode == 0600) return;
    if (const int rc = raw::fchmod(fd_.get(), mode); rc < 0) {
        (void)raw::unlinkat(dir_fd_, name_.c_str());  // the error below says more
        throw SysError(-rc, "set the mode of", quote(name_));
    }
}

StagedFile::StagedFile(StagedFile&& other) noexcept
    : dir_fd_(other.dir_fd_), name_(std::exchange(other.name_, {})), fd_(std::move(other.fd_)) {}

StagedFile::~StagedFile() {
    if (!name_.empty()) (void)raw::unlinkat(dir_fd_, name_.c_str());  // stale ones go later
}

void StagedFile::commit(int target_dir_fd, const std::string& name, Durability durability) {
    if (durability == Durability::synced) sync_fd(fd_.get());
    rename_at(dir_fd_, name_, target_dir_fd, name);
    name_.clear();
    if (durability == Durability::synced) sync_fd(target_dir_fd);
}

std::vector<std::string> remove_stale_temps(int dir_fd) {
    std::vector<std::string> left;
    for (const std::string& name : list_dir(dir_fd)) {
        if (name.compare(0, kTempPrefix.size(), kTempPrefix) != 0) continue;
        if (!remove_if_stale(dir_fd, name)) left.push_back(name);
    }
    return left;
}

}  // namespace sandbox::base
