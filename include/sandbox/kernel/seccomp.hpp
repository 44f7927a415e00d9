// Seccomp policies compiled to BPF in the parent: bytes only, loaded by the child as its last act.
#pragma once

#include <linux/filter.h>

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/kernel/capabilities.hpp"

namespace sandbox::kernel {

using BpfProgram = std::vector<sock_filter>;

struct SeccompOptions {
    CapabilitySet capabilities = 0;  // some rules open with a capability (docker's way)
    bool compat32 = false;           // allow socketcall for 32-bit programs
    bool fake_identity =
        false;  // single id: chown, setuid, setgid, setgroups, mknod of devices answer 0
};

// Our default policy (security defaults in README). `cache_dir_fd`: where compiled programs are
// kept by key; -1: none. A damaged cache entry is compiled anew.
[[nodiscard]] BpfProgram default_seccomp(const SeccompOptions& options, int cache_dir_fd);
// docker's JSON profile format (defaultAction, archMap, syscalls with includes/excludes/args).
// Throws UsageError naming file and field.
[[nodiscard]] BpfProgram seccomp_from_profile(std::string_view json_text, const std::string& file,
                                              const SeccompOptions& options, int cache_dir_fd);
// No new policy, only the identity answers (for seccomp=unconfined on the single-id rung).
[[nodiscard]] BpfProgram identity_only_seccomp(const SeccompOptions& options, int cache_dir_fd);

}  // namespace sandbox::kernel
