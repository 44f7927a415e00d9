// A resolved project as it is written out: what is read again is not to be interpolated again.
#pragma once

#include "document.hpp"
#include "sandbox/base/json.hpp"

namespace sandbox::project {

// The same with "$$" for each "$" of its texts.
[[nodiscard]] base::json::Value escaped(const base::json::Value& value);
// As it stands.
[[nodiscard]] Node to_node(const base::json::Value& value);

}  // namespace sandbox::project
