// What resolv.conf and hosts of a container say, from the host's own files and the flags. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/engine/container_spec.hpp"

namespace sandbox::engine {

struct ResolverSettings {
    std::vector<std::string> servers, search, options;
};
// resolv.conf(5). What is malformed or beyond the kernel of the format is left out.
[[nodiscard]] ResolverSettings parse_resolv_conf(std::string_view text);
// A container without the host's network cannot reach a resolver on the host's loopback.
void drop_loopback_servers(ResolverSettings& settings);

// hosts(5): (names, address), at most 4096 lines.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> parse_hosts(std::string_view text);
// The lines of a container's /etc/hosts but for --add-host: those for localhost, or with the host's
// network the host's own.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> base_hosts(
    NetworkMode mode, std::string_view host_hosts);

}  // namespace sandbox::engine
