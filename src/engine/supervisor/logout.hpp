// Whether systemd will end a detached container when its user logs out, and what keeps it: said
// when it is started, since afterwards it is too late.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::engine {

struct LogoutFacts {
    std::string cgroup;                // of this process: /proc/self/cgroup
    std::string user;                  // its name
    bool lingers = false;              // /var/lib/systemd/linger/USER
    std::vector<std::string> configs;  // logind.conf and its drop-ins, the later ones win
};
// The cure; absent: it stays. Pure. logind.conf(5), loginctl(1): a session's scope is killed when
// KillUserProcesses= says so for this user; what is below user@UID.service goes with it, that is
// with the last session, unless the user lingers.
[[nodiscard]] std::optional<std::string> try_logout_danger(const LogoutFacts& facts);

// Says it, when it is so. Never throws.
void warn_of_logout() noexcept;

}  // namespace sandbox::engine
