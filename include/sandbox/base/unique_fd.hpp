// The only owner of a file descriptor. A stored descriptor is a UniqueFd; a borrowed one is a plain
// int parameter named *_fd. Not for: sockets with protocol state, mounts (see kernel/mount.hpp).
#pragma once

#include <unistd.h>

#include <utility>

namespace sandbox::base {

class UniqueFd {
  public:
    UniqueFd() noexcept = default;
    explicit UniqueFd(int fd) noexcept : fd_(fd) {}
    UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
    UniqueFd& operator=(UniqueFd&& other) noexcept {
        if (this != &other) reset(other.release());
        return *this;
    }
    UniqueFd(const UniqueFd&) = delete;
    UniqueFd& operator=(const UniqueFd&) = delete;
    ~UniqueFd() { reset(); }

    // Borrowed; -1 when empty.
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool valid() const noexcept { return fd_ >= 0; }
    explicit operator bool() const noexcept { return valid(); }
    // The caller owns the result.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    // close(2): the descriptor is gone whatever close answers, so it is never retried.
    void reset(int fd = -1) noexcept {
        const int old = std::exchange(fd_, fd);
        if (old >= 0) (void)::close(old);
    }

  private:
    int fd_ = -1;
};

}  // namespace sandbox::base
