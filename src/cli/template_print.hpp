// Values as Go's fmt package prints them. Private to template*.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/json.hpp"

namespace sandbox::cli::template_detail {

using Values = std::vector<base::json::Value>;

[[nodiscard]] std::string print_value(const base::json::Value& value);  // %v; null is <nil>
[[nodiscard]] std::string sprint(const Values& values);    // blanks between two non-strings
[[nodiscard]] std::string sprintln(const Values& values);  // blanks between all, newline
[[nodiscard]] std::string sprintf(std::string_view format, const Values& arguments);
[[nodiscard]] std::string quote_go(std::string_view text);  // %q
[[nodiscard]] std::string_view type_name(const base::json::Value& value) noexcept;

}  // namespace sandbox::cli::template_detail
