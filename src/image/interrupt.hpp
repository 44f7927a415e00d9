// Ctrl-C and friends as a descriptor, for as long as the guard lives: what is under way is undone
// in order, children are reaped, then the caller ends with 128+n.
#pragma once

#include <csignal>
#include <exception>

#include "sandbox/base/unique_fd.hpp"

namespace sandbox::image {

class InterruptGuard {
  public:
    InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;
    ~InterruptGuard();

    [[nodiscard]] int fd() const noexcept { return fd_.get(); }  // readable: a signal waits
    // Throws Error "interrupted" with code 128+n when a signal waits.
    void check() const;

  private:
    base::UniqueFd fd_;
    sigset_t former_mask_{};
};

}  // namespace sandbox::image
