// A container's record with one network more or less: what its next start will be asked for.
#pragma once

#include <string>

#include "sandbox/base/json.hpp"

namespace sandbox::engine {

// `word`: as --network takes it. Throws Error when the container is on that network already, or
// has the host's or another container's. Pure.
[[nodiscard]] base::json::Value with_network(const base::json::Value& record,
                                             const std::string& word);
// Throws NotFoundError when it is not on it. Without any network left there is none. Pure.
[[nodiscard]] base::json::Value without_network(const base::json::Value& record,
                                                const std::string& network);

}  // namespace sandbox::engine
