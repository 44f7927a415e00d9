#include "sandbox/base/file_lock.hpp"

#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <ctime>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::base {
namespace {

using std::chrono::milliseconds;

int flock_operation(LockMode mode) noexcept {
    return mode == LockMode::shared ? LOCK_SH : LOCK_EX;
}

[[noreturn]] void throw_interrupted(const std::string& name) {
    throw Error("interrupted while waiting for the lock " + quote(name), {},
                exit_code::kSignalBase + SIGINT);
}

// SIGINT may be blocked for a signalfd: then it is pending, not an EINTR.
bool interrupt_pending() noexcept {
    sigset_t pending;
    return ::sigpending(&pending) == 0 &&
           (::sigismember(&pending, SIGINT) == 1 || ::sigismember(&pending, SIGTERM) == 1);
}

void sleep_or_throw(milliseconds time, const std::string& name) {
    const timespec duration{0, static_cast<long>(time.count()) * 1'000'000};
    if (::nanosleep(&duration, nullptr) != 0 || interrupt_pending()) throw_interrupted(name);
}

bool try_flock(int fd, LockMode mode, const std::string& name) {
    for (;;) {
        if (::flock(fd, flock_operation(mode) | LOCK_NB) == 0) return true;
        if (errno == EWOULDBLOCK) return false;
        if (errno != EINTR) throw SysError(errno, "lock", quote(name));
    }
}

// A holder may have removed the file while we waited: a lock on it would protect nothing.
bool is_removed(int fd, const std::string& name) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) throw SysError(errno, "stat lock", quote(name));
    return info.st_nlink == 0;
}

UniqueFd open_lock(int dir_fd, const std::string& name) {
    return open_at(dir_fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600);
}

// Polls: a plain flock(2) would not see an interrupt that is blocked for a signalfd.
void wait_for_lock(int fd, LockMode mode, const std::string& name, const std::string& waiting) {
    constexpr milliseconds kSayAfter{1000};
    milliseconds pause{1};
    milliseconds waited{0};
    bool said = waiting.empty();
    while (!try_flock(fd, mode, name)) {
        if (!said && waited >= kSayAfter) {
            log::notice(waiting);
            said = true;
        }
        sleep_or_throw(pause, name);
        waited += pause;
        pause = std::min(pause * 2, milliseconds{50});
    }
}

}  // namespace

FileLock FileLock::acquire(int dir_fd, const std::string& name, LockMode mode,
                           const std::string& waiting) {
    for (;;) {
        UniqueFd fd = open_lock(dir_fd, name);
        wait_for_lock(fd.get(), mode, name, waiting);
        if (!is_removed(fd.get(), name)) return FileLock(std::move(fd));
    }
}

std::optional<FileLock> FileLock::try_acquire(int dir_fd, const std::string& name, LockMode mode) {
    // is_held() holds a lock for a moment; that must not look like an owner.
    constexpr int kTries = 4;
    for (int i = 0; i < kTries; ++i) {
        if (i > 0) sleep_or_throw(milliseconds{1}, name);
        UniqueFd fd = open_lock(dir_fd, name);
        if (try_flock(fd.get(), mode, name) && !is_removed(fd.get(), name)) {
            return FileLock(std::move(fd));
        }
    }
    return std::nullopt;
}

// A descriptor of its own: the lock is that of the open file description.
std::optional<FileLock> FileLock::acquire_directory(int dir_fd, LockMode mode) {
    std::optional<UniqueFd> fd = try_open_at(dir_fd, ".", O_RDONLY | O_DIRECTORY);
    if (!fd) return std::nullopt;
    wait_for_lock(fd->get(), mode, "(a directory)", {});
    if (is_removed(fd->get(), "(a directory)")) return std::nullopt;
    return FileLock(std::move(*fd));
}

std::optional<FileLock> FileLock::try_acquire_directory(int dir_fd, LockMode mode) {
    std::optional<UniqueFd> fd = try_open_at(dir_fd, ".", O_RDONLY | O_DIRECTORY);
    if (!fd || !try_flock(fd->get(), mode, "(a directory)")) return std::nullopt;
    if (is_removed(fd->get(), "(a directory)")) return std::nullopt;
    return FileLock(std::move(*fd));
}

bool FileLock::is_held(int dir_fd, const std::string& name) {
    const auto fd = try_open_at(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    if (!fd) return false;
    // Shared first: against an exclusive holder it disturbs nobody.
    return !try_flock(fd->get(), LockMode::shared, name) ||
           !try_flock(fd->get(), LockMode::exclusive, name);
}

void FileLock::convert(LockMode mode) {
    wait_for_lock(fd_.get(), mode, "(held)", {});
}

}  // namespace sandbox::base
