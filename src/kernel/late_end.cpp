#include "sandbox/kernel/late_end.hpp"

#include <sched.h>
#include <sys/prctl.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>

#include "sandbox/base/raw.hpp"
#include "sandbox/base/signals_blocked.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

constexpr std::size_t kStackBytes = 4u << 10;

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
    // It may not lie on our stack, which the sleeper outlives.
    static Sleeper sleeper;
    sleeper.caller = raw::getpid();
    const base::SignalsBlocked blocked;
    return ::clone(wait_for_caller, sleeper.stack.data() + sleeper.stack.size(),
                   CLONE_VM | CLONE_FILES | SIGCHLD, &sleeper) > 0;
}

}  // namespace sandbox::kernel
