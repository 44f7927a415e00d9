// How a process of ours gives up what it needs no more, for good: capabilities, and all system
// calls but a list. For processes that handle other people's bytes (the unpacking child, the
// network's helper); which calls and capabilities they keep is theirs to say. Not for containers:
// those have the policy in seccomp.hpp.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <span>

namespace sandbox::kernel {

// Effective, permitted and bounding sets become `mask` (bit n: capability n), as far as the process
// may drop bounds. Throws SysError.
void keep_capabilities(std::uint64_t mask);

// Sets no_new_privs and loads a filter: `allowed` calls (the busiest first) go through, `rules` may
// decide about others (they begin with the call's number loaded, and end in a return each or fall
// through), the rest answers EPERM. Another architecture's calls kill the process. Throws SysError.
void load_call_filter(std::span<const int> allowed, std::span<const sock_filter> rules);

// For such rules.
[[nodiscard]] sock_filter filter_statement(unsigned code, std::uint32_t k) noexcept;
[[nodiscard]] sock_filter filter_jump(unsigned code, std::uint32_t k, std::uint8_t if_true,
                                      std::uint8_t if_false) noexcept;

}  // namespace sandbox::kernel
