// The one ruleset of a gateway's namespace.
#pragma once

#include <optional>

#include "net/nftables.hpp"

namespace sandbox::net {

[[nodiscard]] NftChain make_gateway_chain(const IpAddress& gateway_v4,
                                          const std::optional<IpAddress>& gateway_v6);

}  // namespace sandbox::net
