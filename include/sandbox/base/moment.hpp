// A point in time as users write it for --since, --until and --filter until=….
#pragma once

#include <optional>
#include <string_view>

#include "sandbox/base/strings.hpp"

namespace sandbox::base {

// - Unix time: "1795533102", "1795533102.123456789"
// - RFC 3339, also shortened: "2026-11-24T15:11:42.5Z", "2026-11-24T15:11", "2026-11-24"; without a
//   zone it is the caller's local time
// - a duration before `from`: "10m", "1h30m"
[[nodiscard]] std::optional<Timestamp> try_parse_moment(std::string_view text, Timestamp from);

}  // namespace sandbox::base
