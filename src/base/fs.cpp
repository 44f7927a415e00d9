#include "sandbox/base/fs.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>
#include <array>
#include <climits>

#include <algorithm>
#include <cerrno>

#include "dir_reader.hpp"
#include "path_walk.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/temp_dir.hpp"

namespace sandbox::base {
namespace {

int retry_openat(int dir_fd, const char* path, int flags, mode_t mode) noexcept {
    int rc = 0;
    do {
        rc = raw::openat(dir_fd, path, flags | O_CLOEXEC, mode);
    } while (rc == -EINTR);
    return rc;
}

int resolve(int root_fd, const std::string& path, int flags, mode_t mode, WalkRule rule) {
    open_how how{};
    how.flags = static_cast<unsigned>(flags) | O_CLOEXEC;
    // openat2(2): a mode without O_CREAT or O_TMPFILE is EINVAL.
    how.mode = (flags & (O_CREAT | O_TMPFILE)) == 0 ? 0 : mode;
    how.resolve =
        RESOLVE_NO_MAGICLINKS | (rule == WalkRule::beneath ? RESOLVE_BENEATH : RESOLVE_IN_ROOT);
    // openat2(2): EAGAIN when something was renamed while a ".." was looked at.
    constexpr int kMaxTries = 128;
    int rc = 0;
    for (int i = 0; i < kMaxTries; ++i) {
        rc = raw::openat2(root_fd, path.c_str(), how);
        if (rc != -EAGAIN && rc != -EINTR) break;
    }
    return rc == -ENOSYS ? walk_and_open(root_fd, path, flags, mode, rule) : rc;
}

UniqueFd own_or_throw(int rc, std::string_view tried, const std::string& path) {
    if (rc < 0) throw SysError(-rc, tried, quote(path));
    return UniqueFd(rc);
}

std::string read_known(int fd, const struct stat& info, size_t limit_bytes) {
    // One byte more than is there finds the end; files of procfs say that they are empty.
    size_t chunk = info.st_size > 0 ? static_cast<size_t>(info.st_size) + 1 : 4096;
    std::string content;
    size_t filled = 0;
    for (;;) {
        // One byte above the limit tells "too much" from "just enough".
        const size_t most = limit_bytes < content.max_size() ? limit_bytes + 1 : limit_bytes;
        content.resize(std::min(filled + chunk, most));
        const size_t asked = content.size() - filled;
        const long rc = raw::read(fd, content.data() + filled, asked);
        if (rc == -EINTR) continue;
        if (rc < 0) throw SysError(static_cast<int>(-rc), "read a file");
        filled += static_cast<size_t>(rc);
        if (filled > limit_bytes) {
            throw Error("larger than " + std::to_string(limit_bytes) + " bytes");
        }
        // A file of a known size gives all it has; pipes and procfs may have more.
        const bool all =
            info.st_size > 0 && S_ISREG(info.st_mode) && static_cast<size_t>(rc) < asked;
        if (rc == 0 || all) break;
        chunk = std::max<size_t>(4096, std::min<size_t>(filled, 1u << 20));
    }
    content.resize(filled);
    return content;
}

// A descriptor on a regular file, or -errno. O_NONBLOCK: a FIFO in its place must not hang us.
std::string read_regular(const UniqueFd& fd, const std::string& path, size_t limit_bytes) {
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) throw SysError(errno, "stat", quote(path));
    if (!S_ISREG(info.st_mode)) throw Error("read " + quote(path) + ": not a regular file");
    try {
        return read_known(fd.get(), info, limit_bytes);
    } catch (Error& error) {  // as with_context(), whose words a listing of thousands pays for
        error.add_context("read " + quote(path));
        throw;
    }
}

constexpr int kReadFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY;

bool is_dir_at(int dir_fd, const std::string& path) {
    struct stat info {};
    return ::fstatat(dir_fd, path.c_str(), &info, 0) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

UniqueFd open_beneath(int dir_fd, const std::string& path, int flags, mode_t mode) {
    return own_or_throw(resolve(dir_fd, path, flags, mode, WalkRule::beneath), "open", path);
}

UniqueFd open_in_root(int root_fd, const std::string& path, int flags, mode_t mode) {
    return own_or_throw(resolve(root_fd, path, flags, mode, WalkRule::in_root), "open", path);
}

std::optional<UniqueFd> try_open_in_root(int root_fd, const std::string& path, int flags) {
    const int rc = resolve(root_fd, path, flags, 0, WalkRule::in_root);
    if (rc == -ENOENT || rc == -ENOTDIR) return std::nullopt;
    return own_or_throw(rc, "open", path);
}

UniqueFd open_at(int dir_fd, const std::string& path, int flags, mode_t mode) {
    return own_or_throw(retry_openat(dir_fd, path.c_str(), flags, mode), "open", path);
}

std::optional<UniqueFd> try_open_at(int dir_fd, const std::string& path, int flags, mode_t mode) {
    const int rc = retry_openat(dir_fd, path.c_str(), flags, mode);
    if (rc == -ENOENT) return std::nullopt;
    return own_or_throw(rc, "open", path);
}

UniqueFd open_dir(const std::string& path) {
    return own_or_throw(retry_openat(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY, 0),
                        "open directory", path);
}

void make_dir_at(int dir_fd, const std::string& path, mode_t mode) {
    const int rc = raw::mkdirat(dir_fd, path.c_str(), mode);
    if (rc == 0 || (rc == -EEXIST && is_dir_at(dir_fd, path))) return;
    throw SysError(-rc, "make directory", quote(path));
}

void make_dirs(const std::string& path, mode_t mode) {
    // From the far end: usually all but the last are there, perhaps not even ours to look at.
    const int rc = raw::mkdirat(AT_FDCWD, path.c_str(), mode);
    if (rc == -ENOENT) {
        const size_t name = path.find_last_not_of('/');
        const size_t slash = path.find_last_of('/', name);
        const size_t parent_end =
            slash == path.npos ? path.npos : path.find_last_not_of('/', slash);
        if (parent_end != path.npos) {
            make_dirs(path.substr(0, parent_end + 1), mode);
            make_dir_at(AT_FDCWD, path, mode);
            return;
        }
    }
    if (rc == 0 || (rc == -EEXIST && is_dir_at(AT_FDCWD, path))) return;
    throw SysError(-rc, "make directory", quote(path));
}

std::string read_file(const std::string& path, size_t limit_bytes) {
    return read_file_at(AT_FDCWD, path, limit_bytes);
}

std::string read_file_at(int dir_fd, const std::string& path, size_t limit_bytes) {
    return read_regular(open_at(dir_fd, path, kReadFlags), path, limit_bytes);
}

std::optional<std::string> try_read_file_at(int dir_fd, const std::string& path,
                                            size_t limit_bytes) {
    const auto fd = try_open_at(dir_fd, path, kReadFlags);
    if (!fd) return std::nullopt;
    return read_regular(*fd, path, limit_bytes);
}

std::string read_fd(int fd, size_t limit_bytes) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) throw SysError(errno, "stat a file");
    return read_known(fd, info, limit_bytes);
}

void write_all(int fd, std::string_view data) {
    while (!data.empty()) {
        const long rc = raw::write(fd, data.data(), data.size());
        if (rc == -EINTR) continue;
        if (rc == -EAGAIN) {
            pollfd writable{fd, POLLOUT, 0};
            if (::poll(&writable, 1, -1) < 0 && errno != EINTR) throw SysError(errno, "poll");
            continue;
        }
        if (rc < 0) throw SysError(static_cast<int>(-rc), "write");
        data.remove_prefix(static_cast<size_t>(rc));
    }
}

void write_file_atomic(int dir_fd, const std::string& name, std::string_view data, mode_t mode,
                       Durability durability) {
    with_context("write " + quote(name), [&] {
        // Beside: a rename does not leave its file system.
        const size_t slash = name.rfind('/');
        const bool elsewhere = slash != std::string::npos;
        UniqueFd parent;
        if (elsewhere) parent = open_at(dir_fd, name.substr(0, slash + 1), O_RDONLY | O_DIRECTORY);
        const int beside_fd = elsewhere ? parent.get() : dir_fd;
        StagedFile file(beside_fd, mode);
        write_all(file.fd(), data);
        file.commit(beside_fd, elsewhere ? name.substr(slash + 1) : name, durability);
    });
}

void sync_fd(int fd) {
    // fsync(2): EINVAL and EROFS where there is nothing to synchronise.
    if (::fsync(fd) != 0 && errno != EINVAL && errno != EROFS) throw SysError(errno, "fsync");
}

void sync_filesystem(int fd) {
    if (::syncfs(fd) != 0) throw SysError(errno, "syncfs");
}

std::vector<std::string> list_dir(int dir_fd) {
    // A descriptor of its own: the caller's may be O_PATH, and its offset stays where it is.
    const UniqueFd fd = open_at(dir_fd, ".", O_RDONLY | O_DIRECTORY);
    std::vector<std::string> names;
    for_each_entry(fd.get(), [&](const char* name, unsigned char) { names.emplace_back(name); });
    std::sort(names.begin(), names.end());
    return names;
}

std::string current_directory() {
    std::array<char, PATH_MAX> path{};
    if (::getcwd(path.data(), path.size()) == nullptr) {
        throw SysError(errno, "find the working directory", "",
                       "it may have been removed: go to another one");
    }
    return path.data();
}

bool exists_at(int dir_fd, const std::string& path) {
    struct stat info {};
    if (::fstatat(dir_fd, path.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    throw SysError(errno, "stat", quote(path));
}

void rename_at(int from_dir_fd, const std::string& from, int to_dir_fd, const std::string& to) {
    const int rc = raw::renameat2(from_dir_fd, from.c_str(), to_dir_fd, to.c_str());
    if (rc < 0) throw SysError(-rc, "rename " + quote(from) + " to", quote(to));
}

void unlink_at(int dir_fd, const std::string& path, bool missing_ok) {
    const int rc = raw::unlinkat(dir_fd, path.c_str());
    if (rc == -ENOENT && missing_ok) return;
    if (rc < 0) throw SysError(-rc, "remove", quote(path));
}

}  // namespace sandbox::base
