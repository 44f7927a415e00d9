// Calls of 32-bit programs, as the native calls that mean the same (x86: i386 programs, and
// int $0x80 of others). Pure.
#pragma once

#include <sys/stat.h>

#include <array>
#include <optional>

#include "engine/identity/trap_reply.hpp"
#include "sandbox/kernel/seccomp_notify.hpp"

namespace sandbox::engine {

struct NativeCall {
    kernel::TrappedCall call;
    bool narrow = false;  // it has ids of 16 bits
};
// Absent: a call that has no native equal.
[[nodiscard]] std::optional<NativeCall> to_native(const kernel::TrappedCall& call);
// Ids that do not fit are shown as 65534: highuid.h.
[[nodiscard]] TrapReply to_narrow(const TrapReply& reply) noexcept;

// struct stat64 of i386: asm/stat.h.
inline constexpr size_t kCompatStatBytes = 96;
[[nodiscard]] std::array<char, kCompatStatBytes> to_compat_stat(const struct stat& info) noexcept;

}  // namespace sandbox::engine
