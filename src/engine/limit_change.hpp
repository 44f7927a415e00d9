// What `update` changes in a container's record. Pure: who holds the lock merges, so that what else
// has changed in the record meanwhile (its networks) stays.
#pragma once

#include "sandbox/base/json.hpp"
#include "sandbox/engine/run.hpp"

namespace sandbox::engine {

// Throws UsageError where the two together contradict each other.
[[nodiscard]] base::json::Value with_limits(const base::json::Value& record,
                                            const RunRequest& wish);

}  // namespace sandbox::engine
