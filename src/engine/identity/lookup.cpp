#include "engine/identity/lookup.hpp"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string_view>

#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

// The process's own descriptors under the names that programs have for them.
std::optional<int> own_descriptor(std::string_view path) {
    if (path == "/dev/stdin") return 0;
    if (path == "/dev/stdout") return 1;
    if (path == "/dev/stderr") return 2;
    for (const std::string_view start : {"/dev/fd/", "/proc/self/fd/"}) {
        if (!path.starts_with(start)) continue;
        const auto number = base::try_parse_u64(path.substr(start.size()));
        if (number && *number <= INT_MAX) return static_cast<int>(*number);
    }
    return std::nullopt;
}

// Where a directory lies below the root of a process that has changed it.
std::optional<std::string> below_root(int root_fd, int dir_fd) {
    const auto path_of = [](int fd) -> std::optional<std::string> {
        std::array<char, PATH_MAX> text;
        const std::string name = "self/fd/" + std::to_string(fd);
        const long size = raw::readlinkat(AT_FDCWD, name.c_str(), text.data(), text.size());
        if (size <= 0 || text[0] != '/') return std::nullopt;
        return std::string(text.data(), static_cast<size_t>(size));
    };
    const auto root = path_of(root_fd);
    auto dir = path_of(dir_fd);
    if (!root || !dir) return std::nullopt;
    if (*root == "/") return dir;
    if (*dir == *root) return std::string("/");
    if (!dir->starts_with(*root + "/")) return std::nullopt;
    return dir->substr(root->size());
}

int open_in(int dir_fd, const std::string& path, bool follow, std::uint64_t resolve) {
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
    how.resolve = resolve | RESOLVE_NO_MAGICLINKS;
    return raw::openat2(dir_fd, path.c_str(), how);
}

int open_in_own_root(const TrappedProcess& process, int dir_fd, const PathWish& wish) {
    const base::UniqueFd root = process.open_link("root");
    if (!root || !process.is_waiting()) return -ESRCH;
    std::string path = wish.path;
    if (path.front() != '/') {
        const auto below = below_root(root.get(), dir_fd);
        if (!below) return -ELOOP;
        path = *below + "/" + path;
    }
    return open_in(root.get(), path, wish.follow, RESOLVE_IN_ROOT);
}

// A name in one of the process's own directories, in one step. Absent: it takes more, or there is
// an error to be found out. ".." might lead out of a root of its own.
std::optional<base::UniqueFd> try_open_name(const TrappedProcess& process, const PathWish& wish) {
    if (wish.path == ".." || wish.path.find('/') != wish.path.npos) return std::nullopt;
    if (wish.dir_fd != AT_FDCWD && wish.dir_fd < 0) return std::nullopt;
    const int rc =
        raw::openat(process.proc_fd(), process.path_from_own(wish.dir_fd, wish.path).c_str(),
                    O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (rc < 0) return std::nullopt;
    base::UniqueFd fd(rc);
    struct stat info {};
    if (wish.follow && (raw::call(SYS_fstat, rc, raw::ptr(&info)) < 0 || S_ISLNK(info.st_mode))) {
        return std::nullopt;
    }
    return fd;
}

}  // namespace

bool names_own_descriptor(std::string_view path) {
    return own_descriptor(path).has_value();
}

base::UniqueFd open_own(const TrappedProcess& process, int fd) {
    if (fd == AT_FDCWD) return process.open_link("cwd");
    if (fd < 0) return {};
    return process.open_link(("fd/" + std::to_string(fd)).c_str());
}

FoundFile look_up(const TrappedProcess& process, bool own_root, const PathWish& wish) {
    if (wish.path.empty()) {
        if (!wish.allow_empty) return {{}, -ENOENT};
        base::UniqueFd fd = open_own(process, wish.dir_fd);
        if (!fd) return {{}, -EBADF};
        if (!process.is_waiting()) return {{}, -ESRCH};
        return {std::move(fd), 0};
    }
    base::UniqueFd dir;
    const bool absolute = wish.path.front() == '/';
    if (!absolute) {
        if (auto file = try_open_name(process, wish)) {
            if (!process.is_waiting()) return {{}, -ESRCH};
            return {std::move(*file), 0};
        }
        dir = open_own(process, wish.dir_fd);
        if (!dir) return {{}, -EBADF};
        // What was opened is the process's own, and not that of another with the same pid.
        if (!process.is_waiting()) return {{}, -ESRCH};
    }
    const int rc = own_root ? open_in_own_root(process, dir.get(), wish)
                            : open_in(absolute ? AT_FDCWD : dir.get(), wish.path, wish.follow, 0);
    if (rc >= 0) return {base::UniqueFd(rc), 0};
    // "self" is nobody there when we look.
    if ((rc == -ELOOP || rc == -ENOENT) && wish.follow) {
        if (const auto number = own_descriptor(wish.path)) {
            base::UniqueFd fd = open_own(process, *number);
            if (fd && process.is_waiting()) return {std::move(fd), 0};
        }
    }
    return {{}, rc};
}

}  // namespace sandbox::engine
