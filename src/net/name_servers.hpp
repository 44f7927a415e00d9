// The host's name servers. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "sandbox/net/address.hpp"

namespace sandbox::net {

// Of a resolv.conf(5), in their order, at most three; none: 127.0.0.1. IPv6 scopes are left out.
// "[ADDRESS]:PORT" as OpenBSD has it; port 53 otherwise.
[[nodiscard]] std::vector<Endpoint> parse_name_servers(std::string_view text);

}  // namespace sandbox::net
