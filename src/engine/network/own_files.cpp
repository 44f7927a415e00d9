#include "engine/network/own_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>

#include "engine/files/places.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
using base::SysError;
using base::UniqueFd;

UniqueFd copy_of(const UniqueFd& fd) {
    return UniqueFd(raw::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
}

// Ours: a small file of the tmpfs on /dev that was unlinked when it was mounted
// (child/user_mounts.cpp).
bool is_ours(int fd) noexcept {
    struct stat information {};
    struct stat devices {};
    constexpr off_t kMostBytes = 64 * 1024;
    return ::fstat(fd, &information) == 0 && ::stat("/dev", &devices) == 0 &&
           information.st_dev == devices.st_dev && S_ISREG(information.st_mode) &&
           information.st_nlink == 0 && information.st_size <= kMostBytes;
}

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> part{};
    for (;;) {
        const long got = raw::read(fd, part.data(), part.size());
        if (got < 0) throw SysError(static_cast<int>(-got), "read");
        if (got == 0) return text;
        text.append(part.data(), static_cast<size_t>(got));
    }
}

// Who reads meanwhile finds all lines of the new text at least.
void rewrite(const char* path, const std::function<std::string(const std::string&)>& change) {
    const UniqueFd file(
        raw::openat(AT_FDCWD, path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file || !is_ours(file.get())) return;
    const std::string text = read_all(file.get());
    const std::string changed = change(text);
    if (changed == text) return;
    const long rc = raw::pwrite(file.get(), changed.data(), changed.size(), 0);
    if (rc < 0) throw SysError(static_cast<int>(-rc), "write", path);
    if (::ftruncate(file.get(), static_cast<off_t>(changed.size())) != 0) {
        throw SysError(errno, "cut", path);
    }
}

}  // namespace

void rewrite_own_files(const NamespaceFds& namespaces, const OwnWords& before,
                       const OwnWords& after) {
    RunningPlace place(copy_of(namespaces.user), copy_of(namespaces.mount));
    Worker worker = Worker::start(place, [&](const WorkerLink&) {
        rewrite("/etc/resolv.conf",
                [&](const std::string& text) { return changed_resolv_conf(text, before, after); });
        rewrite("/etc/hosts",
                [&](const std::string& text) { return changed_hosts(text, before, after); });
        return base::json::Value();
    });
    (void)worker.receive();
}

}  // namespace sandbox::engine
