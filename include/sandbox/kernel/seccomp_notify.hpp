// System calls that wait for somebody else's answer: seccomp_unotify(2). The filter that traps them
// and the listening end. What a call shall mean is the listener's business (engine/identity).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/seccomp.hpp"

namespace sandbox::kernel {

// Traps what has to do with identities and owners; everything else is allowed, so that it is to be
// loaded beside a policy: the stricter answer of two filters counts (seccomp(2)). Calls of 32-bit
// programs are trapped on x86, and elsewhere refused when they change something. Never empty.
[[nodiscard]] const BpfProgram& identity_traps();
// fstat(2) of descriptors from here on is not trapped: servers have their many files there, tools
// their few below.
inline constexpr int kFirstUntrappedFstat = 8;

// Whether processes made by this one can have such a listener: the kernel knows them, and no filter
// that we live under has one (there is one at most, seccomp(2)). Must be called with one thread.
[[nodiscard]] bool can_listen() noexcept;

struct TrappedCall {
    std::uint64_t id = 0;  // names the waiting call; never used again
    pid_t pid = 0;         // of the thread, as we see it; 0: not below our pid namespace
    int number = 0;
    std::uint32_t arch = 0;  // AUDIT_ARCH_*
    std::array<std::uint64_t, 6> args{};
    [[nodiscard]] bool is_native() const noexcept;
};

class SeccompListener {
  public:
    explicit SeccompListener(base::UniqueFd fd) noexcept;
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }
    // Blocks when nobody waits. Absent: whoever waited is gone. Throws SysError.
    std::optional<TrappedCall> receive();
    // The call still waits: what was read of its process until now is really that process's, and
    // not that of another with the same pid.
    [[nodiscard]] bool is_waiting(const TrappedCall& call) const noexcept;
    // `result`: as the kernel's own answer, -errno for a failure. A caller that is gone is fine.
    void answer(const TrappedCall& call, long result) const noexcept;
    // The kernel does the call after all.
    void let_go_on(const TrappedCall& call) const noexcept;

  private:
    base::UniqueFd fd_;
};

}  // namespace sandbox::kernel
