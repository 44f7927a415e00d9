// Capability names and sets. capabilities(7).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::kernel {

using CapabilitySet = std::uint64_t;  // bit n = capability n

// CHOWN DAC_OVERRIDE FOWNER FSETID KILL NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT
[[nodiscard]] CapabilitySet default_capabilities() noexcept;
[[nodiscard]] CapabilitySet all_capabilities() noexcept;  // that this kernel knows
// "NET_ADMIN", "cap_net_admin", any case.
[[nodiscard]] std::optional<int> try_parse_capability(std::string_view name) noexcept;
[[nodiscard]] std::string capability_name(int capability);  // "CAP_NET_ADMIN"
// docker's rule: drop ALL, then add; add ALL, then drop. Throws UsageError (125) with the nearest
// name.
[[nodiscard]] CapabilitySet resolve_capabilities(CapabilitySet base,
                                                 const std::vector<std::string>& add,
                                                 const std::vector<std::string>& drop);

}  // namespace sandbox::kernel
