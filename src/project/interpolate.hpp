// `${VAR}` in profile values: one rule, Compose's. Text to text; nothing is ever executed, and what
// a variable holds is not looked at again.
//   $VAR ${VAR}        its value; unset: empty, and told through `unset`
//   ${VAR:-default}    default when unset or empty      ${VAR-default}   when unset
//   ${VAR:?message}    an error when unset or empty     ${VAR?message}   when unset
//   ${VAR:+other}      other when set and not empty     ${VAR+other}     when set
//   $$                 a dollar sign
// Defaults and others may hold such forms again.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sandbox::project {

using Variables = std::function<std::optional<std::string>(const std::string& name)>;

// Throws UsageError without a place: "…", for the caller to say where.
// `unset` (may be empty) hears of each variable that has no value and no default.
[[nodiscard]] std::string interpolate(std::string_view text, const Variables& variables,
                                      const std::function<void(const std::string&)>& unset = {});

}  // namespace sandbox::project
