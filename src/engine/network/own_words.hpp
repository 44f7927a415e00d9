// What a container's resolv.conf and hosts say of its networks: when it is launched, and after its
// networks have changed. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/engine/container_spec.hpp"

namespace sandbox::engine {

struct OwnWords {
    std::string hostname;
    std::vector<std::string> addresses;  // IPv4, the first network's first; empty: on no network
    std::string name_server;             // the first network's gateway, or the last one's that was
};

// What the spec leaves open until addresses are known. `own` must not be empty.
void complete_spec(ContainerSpec& spec, const std::vector<std::string>& own,
                   const std::string& gateway);

// The files' text after a change. Lines that are not ours, or were changed, stay as they are.
[[nodiscard]] std::string changed_resolv_conf(std::string_view text, const OwnWords& before,
                                              const OwnWords& after);
[[nodiscard]] std::string changed_hosts(std::string_view text, const OwnWords& before,
                                        const OwnWords& after);

}  // namespace sandbox::engine
