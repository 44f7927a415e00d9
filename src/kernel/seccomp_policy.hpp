// What a seccomp filter says, before it is compiled: names and comparisons. Not a door.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/kernel/seccomp.hpp"

namespace sandbox::kernel {

struct SeccompAction {
    enum class Kind { allow, error, kill_process, kill_thread, trap, trace, log };
    Kind kind = Kind::allow;
    std::uint16_t value = 0;  // errno for error, data for trace
    auto operator<=>(const SeccompAction&) const = default;
};

struct ArgumentCheck {
    enum class Op { equal, not_equal, less, less_equal, greater, greater_equal, masked_equal };
    unsigned index = 0;
    Op op = Op::equal;
    std::uint64_t value = 0;   // masked_equal: the mask
    std::uint64_t value2 = 0;  // masked_equal: what is left under the mask
};

struct SyscallRule {
    std::string name;
    SeccompAction action;
    std::vector<ArgumentCheck> checks;  // all must hold
};

struct SeccompPolicy {
    SeccompAction fallback;  // for everything that no rule names
    std::vector<SyscallRule> rules;
    bool other_architectures = true;  // 32-bit and x32 programs too
    // What the guard in front answers, on exact 32-bit arguments (seccomp_guard.cpp).
    bool guard_terminal = false;  // TIOCSTI, TIOCLINUX
    bool guard_sockets = false;   // AF_ALG, AF_VSOCK
    bool guard_socketcall = false;
};

// Part of the key of compiled programs: to be raised with every change of the tables, or of how
// programs are written.
inline constexpr int kSeccompPolicyVersion = 2;

[[nodiscard]] SeccompPolicy make_default_policy(const SeccompOptions& options);
// Answers 0 to what one id cannot do: put in front of the rules of any policy.
void add_identity_answers(SeccompPolicy& policy);

// docker's JSON profile. Throws UsageError naming file and field.
[[nodiscard]] SeccompPolicy parse_seccomp_profile(std::string_view json_text,
                                                  const std::string& file,
                                                  const SeccompOptions& options);
// Instructions to be put in front of a compiled program; they fall through to it.
[[nodiscard]] BpfProgram make_guard(const SeccompPolicy& policy);

}  // namespace sandbox::kernel
