// The ops that change a running container's networks:
//   network_connect {word} → {}      network_disconnect {network} → {}
#pragma once

#include <functional>

#include "engine/network/container_network.hpp"
#include "engine/supervisor/live_container.hpp"

namespace sandbox::engine {

// `network`: null when the container does not run, or has none that could change.
void serve_networks(LiveContainer& live, const std::function<ContainerNetwork*()>& network);

}  // namespace sandbox::engine
