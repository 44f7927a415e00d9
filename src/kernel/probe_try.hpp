// Trying something in throw-away namespaces. Not a door.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::kernel {

extern const std::uint64_t kAllNamespaces;

// Runs `action` as root of new namespaces, mounts private, in a process of its own. Answers 0 or
// the errno of the namespace's making or of the action. `map` absent: none is written. Throws when
// the map cannot be written.
[[nodiscard]] int try_in_namespaces(std::uint64_t flags, const std::optional<IdMap>& map,
                                    const std::function<int()>& action);

}  // namespace sandbox::kernel
