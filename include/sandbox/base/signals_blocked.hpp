// While it lives the calling thread has all signals blocked, glibc's own ones too: around the
// making of a process in which no handler of ours may run, since it has our memory.
#pragma once

#include <sys/syscall.h>

#include <csignal>
#include <cstdint>

#include "sandbox/base/raw.hpp"

namespace sandbox::base {

class SignalsBlocked {
  public:
    SignalsBlocked() noexcept { set(kAll, &former_); }
    ~SignalsBlocked() { set(former_, nullptr); }
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
    // The mask of before, as the kernel has it: sigset of rt_sigprocmask(2).
    [[nodiscard]] std::uint64_t former() const noexcept { return former_; }
    // A system call and nothing else: for code that runs in the memory of another process, too.
    static void set(const std::uint64_t& mask, std::uint64_t* former) noexcept {
        (void)raw::call(SYS_rt_sigprocmask, SIG_SETMASK, raw::ptr(&mask), raw::ptr(former),
                        sizeof mask);
    }

  private:
    static constexpr std::uint64_t kAll = ~std::uint64_t{0};
    std::uint64_t former_ = 0;
};

}  // namespace sandbox::base
