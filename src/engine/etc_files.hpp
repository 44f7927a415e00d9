// The text of a container's /etc/hosts and /etc/resolv.conf. Pure.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/engine/container_spec.hpp"

namespace sandbox::engine {

// A mount of the user's goes to that path. Ours must not be there then: it is unlinked, and upon
// such a file nothing can be mounted (cant_mount() in the kernel).
[[nodiscard]] bool is_mounted_upon(const ContainerSpec& spec, std::string_view path) noexcept;
[[nodiscard]] std::string format_hosts(const ContainerSpec& spec);        // hosts(5)
[[nodiscard]] std::string format_resolv_conf(const ContainerSpec& spec);  // resolv.conf(5)

}  // namespace sandbox::engine
