// A document tree as TOML text that a person would have written: one [group.name] a service, small
// tables in one line, others under a heading of their own.
#pragma once

#include <string>

#include "document.hpp"

namespace sandbox::project {

[[nodiscard]] std::string make_toml(const Node& root);
[[nodiscard]] std::string toml_string(std::string_view text);  // quoted
[[nodiscard]] std::string toml_key(std::string_view key);      // bare where it may be

}  // namespace sandbox::project
