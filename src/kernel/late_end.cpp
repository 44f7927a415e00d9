#include "sandbox/kernel/late_end.hpp"

#include <sched.h>
#include <sys/prctl.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include "sandbox/base/raw.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

constexpr std::size_t kStackBytes = 4u << 10;
constexpr long kSignalSetBytes = 8;

struct Sleeper {
    pid_t caller = -1;
    alignas(16) std::array<char, kStackBytes> stack{};
};

// In the caller's memory, with nothing of its own but the stack.
int wait_for_caller(void* argument) noexcept {
    const pid_t caller = static_cast<const Sleeper*>(argument)->caller;
    (void)raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
    // A caller that died before that call would be waited for in vain.
    while (raw::call(SYS_getppid) == caller) (void)raw::call(SYS_ppoll, 0, 0, 0, 0, 0);
    raw::exit_group(0);
}

}  // namespace

bool end_late() noexcept {
    constexpr std::uint64_t kAllSignals = ~std::uint64_t{0};
    std::uint64_t signals = 0;
    // It may not lie on our stack, which the sleeper outlives.
    static Sleeper sleeper;
    sleeper.caller = raw::getpid();
    (void)raw::call(SYS_rt_sigprocmask, SIG_SETMASK, raw::ptr(&kAllSignals), raw::ptr(&signals),
                    kSignalSetBytes);
    const int rc = ::clone(wait_for_caller, sleeper.stack.data() + sleeper.stack.size(),
                           CLONE_VM | CLONE_FILES | SIGCHLD, &sleeper);
    (void)raw::call(SYS_rt_sigprocmask, SIG_SETMASK, raw::ptr(&signals), 0, kSignalSetBytes);
    return rc > 0;
}

}  // namespace sandbox::kernel
