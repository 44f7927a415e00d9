#include "engine/supervisor/caller_end.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;

// pipe(7), PIPE_BUF: what a pipe that polls writable takes without blocking.
constexpr size_t kSafeBlockingWrite = 4096;

}  // namespace

CallerEnd::CallerEnd(base::PollLoop& loop, int fd, store::LogStream stream,
                     std::function<void()> changed)
    : stream_(stream), changed_(std::move(changed)) {
    // epoll takes a descriptor once, and 1 and 2 may be watched by others as well.
    const int copy = raw::fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) throw base::SysError(-copy, "pass the container's output on");
    own_.reset(copy);
    fd_ = copy;
    struct stat info {};
    if (::fstat(fd_, &info) != 0) throw base::SysError(errno, "look at the caller's output");
    if (S_ISSOCK(info.st_mode)) {
        kind_ = Kind::socket;
    } else if (S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode)) {
        // O_NONBLOCK belongs to the open file: a new one is ours alone. Not for regular files:
        // their position is shared.
        kind_ = Kind::shared;
        const std::string path = "/proc/self/fd/" + std::to_string(fd_);
        const int opened =
            raw::openat(AT_FDCWD, path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (opened >= 0) {
            own_.reset(opened);
            fd_ = opened;
            kind_ = Kind::own;
        }
    }
    interest_.emplace(loop, fd_, EPOLLOUT, [this] { write_queue(); });
}

// How many bytes went; none: not now, or closed.
size_t CallerEnd::write_some(std::string_view bytes) {
    long count = 0;
    if (kind_ == Kind::socket) {
        count = ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) count = -errno;
    } else {
        if (kind_ == Kind::shared) {
            pollfd ready{fd_, POLLOUT, 0};
            if (::poll(&ready, 1, 0) <= 0) return 0;
            bytes = bytes.substr(0, kSafeBlockingWrite);
        }
        count = raw::write(fd_, bytes.data(), bytes.size());
    }
    if (count == -EAGAIN || count == -EINTR) return 0;
    if (count <= 0) {
        closed_ = true;
        queue_.clear();
        return 0;
    }
    passed_ += static_cast<std::uint64_t>(count);
    return static_cast<size_t>(count);
}

void CallerEnd::put(store::LogStream stream, std::string_view bytes) {
    if (stream != stream_ || closed_) return;
    while (queue_.empty() && !bytes.empty()) {
        const size_t count = write_some(bytes);
        if (closed_) {
            changed_();
            return;
        }
        bytes.remove_prefix(count);
        if (count == 0) break;
    }
    if (bytes.empty()) return;
    queue_.add(bytes);
    interest_->set(true);
}

void CallerEnd::write_queue() {
    while (!queue_.empty()) {
        const size_t count = write_some(queue_.view());
        if (count == 0) break;
        queue_.take(count);
    }
    interest_->set(!queue_.empty());
    if (!queue_.empty()) return;
    const auto changed = changed_;
    changed();  // may destroy us
}

}  // namespace sandbox::engine
