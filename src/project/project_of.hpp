// The project that a container was made from, read again from the files that its labels name.
#pragma once

#include <optional>

#include "sandbox/base/json.hpp"
#include "sandbox/project/profile.hpp"

namespace sandbox::project {

// Absent: it is no project's. Throws as load_project().
[[nodiscard]] std::optional<Project> try_load_project_of(const base::json::Value& labels);

}  // namespace sandbox::project
