// Signals by name and number, as `--stop-signal` and `kill -s` take them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandbox::engine {

// "TERM", "sigterm", "15", "RTMIN+3", "SIGRTMAX-1". Absent when there is no such signal.
[[nodiscard]] std::optional<int> try_parse_signal(std::string_view text);
// Throws UsageError (125) "invalid signal: X".
[[nodiscard]] int parse_signal(std::string_view text);
[[nodiscard]] std::string signal_name(int number);  // "SIGTERM"; "SIG77" when it has no name

}  // namespace sandbox::engine
