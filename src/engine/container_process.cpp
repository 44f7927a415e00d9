#include "engine/container_process.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdio>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

std::string read_proc(const std::string& path) {
    constexpr size_t kMaxBytes = 8u << 20;
    const int fd = raw::openat(AT_FDCWD, path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    const base::UniqueFd owner(fd);
    return base::read_fd(fd, kMaxBytes);
}

// The supervisor's one child that lives is pid 1 of the container.
pid_t first_child(pid_t parent) {
    const std::string pid = std::to_string(parent);
    const std::string children = read_proc("/proc/" + pid + "/task/" + pid + "/children");
    const auto child = base::try_parse_u64(children.substr(0, children.find(' ')));
    return child ? static_cast<pid_t>(*child) : 0;
}

}  // namespace

std::optional<pid_t> try_lock_holder(std::string_view proc_locks, unsigned major, unsigned minor,
                                     ino_t inode) {
    std::optional<pid_t> by_inode;
    for (const std::string& line : base::split(proc_locks, '\n')) {
        int pid = 0;
        unsigned line_major = 0;
        unsigned line_minor = 0;
        unsigned long line_inode = 0;
        // "1: FLOCK  ADVISORY  WRITE 4711 00:2a:1234 0 EOF"; "->" marks one that waits.
        if (std::sscanf(line.c_str(), "%*d: FLOCK %*s %*s %d %x:%x:%lu", &pid, &line_major,
                        &line_minor, &line_inode) != 4) {
            continue;
        }
        if (line_inode != inode || pid <= 0) continue;
        if (line_major == major && line_minor == minor) return pid;
        by_inode = pid;  // file systems with several devices (btrfs) show another number here
    }
    return by_inode;
}

std::optional<ContainerProcess> try_find_process(const store::Store& store, const std::string& id) {
    struct stat info {};
    if (::fstatat(store.containers_fd(), (id + "/lock").c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
        return std::nullopt;
    }
    const auto holder = try_lock_holder(read_proc("/proc/locks"), major(info.st_dev),
                                        minor(info.st_dev), info.st_ino);
    if (!holder) return std::nullopt;
    return ContainerProcess{*holder, first_child(*holder)};
}

bool kill_container(const store::Store& store, const std::string& id) {
    const auto found = try_find_process(store, id);
    if (!found) return false;
    const pid_t target = found->init != 0 ? found->init : found->supervisor;
    const int fd = raw::pidfd_open(target, 0);
    if (fd < 0) return false;
    const base::UniqueFd pid_fd(fd);
    // The number may have been given to another process since: look again with the pidfd in hand.
    const auto again = try_find_process(store, id);
    if (!again || (again->init != target && again->supervisor != target)) return false;
    return raw::pidfd_send_signal(fd, SIGKILL, nullptr, 0) == 0;
}

}  // namespace sandbox::engine
