// start, stop, restart of services: in the order of their dependencies.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/project_scope.hpp"
#include "sandbox/engine/lifecycle.hpp"

namespace sandbox::cli {

enum class ServiceVerb { start, stop, restart };

// Services among `names` (all of the project when there are none) are taken as such, what is left
// is answered. `stop_wish` holds for stops. A failure is told and kept in `code`.
[[nodiscard]] std::vector<std::string> take_services(Context& context, const Invocation& in,
                                                     ServiceVerb verb,
                                                     const engine::StopWish& stop_wish, int& code);

}  // namespace sandbox::cli
