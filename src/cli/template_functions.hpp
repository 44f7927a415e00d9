// The functions of templates: Go's own and docker's. Private to template*.cpp.
#pragma once

#include <string_view>

#include "sandbox/base/json.hpp"
#include "template_print.hpp"

namespace sandbox::cli::template_detail {

// Go: false, 0, "", null and what is empty are false.
[[nodiscard]] bool is_true(const base::json::Value& value) noexcept;
// Throws Error "why" without the place. `and` and `or` are not here: they do not evaluate all of
// their arguments.
[[nodiscard]] base::json::Value call_function(std::string_view name, const Values& arguments);
// The same in a table's heading: docker's own functions answer their first argument as it is.
[[nodiscard]] base::json::Value call_heading_function(std::string_view name,
                                                      const Values& arguments);

}  // namespace sandbox::cli::template_detail
