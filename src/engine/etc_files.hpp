// The text of a container's /etc/hosts and /etc/resolv.conf. Pure.
#pragma once

#include <string>

#include "sandbox/engine/container_spec.hpp"

namespace sandbox::engine {

[[nodiscard]] std::string format_hosts(const ContainerSpec& spec);        // hosts(5)
[[nodiscard]] std::string format_resolv_conf(const ContainerSpec& spec);  // resolv.conf(5)

}  // namespace sandbox::engine
