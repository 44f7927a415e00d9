// --health-* and the image's HEALTHCHECK → what the supervisor does. Pure.
#pragma once

#include <optional>

#include "sandbox/engine/container_spec.hpp"
#include "sandbox/engine/run.hpp"
#include "sandbox/oci/image_config.hpp"

namespace sandbox::engine {

// Each flag stands over the image's value, as in docker; absent: nothing is probed. Throws
// UsageError (125) for a bad value.
[[nodiscard]] std::optional<HealthSpec> make_health(const RunRequest& request,
                                                    const oci::ImageConfig& config);
// Throws UsageError (125): found before anything is fetched.
void check_health_flags(const RunRequest& request);

}  // namespace sandbox::engine
