// Files of variables as `--env-file` names them; projects have them, too.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sandbox::engine {

// The caller's variables, for `-e NAME` (a seam for tests).
using HostEnvironment = std::function<std::optional<std::string>(const std::string&)>;

struct EnvAssignment {
    std::string name;
    std::string value;
};
// docker's env-file: one NAME=value or NAME a line, # comments. `file` is for messages only.
// Throws UsageError (125) "FILE:LINE: why".
[[nodiscard]] std::vector<EnvAssignment> parse_env_file(std::string_view text,
                                                        const std::string& file,
                                                        const HostEnvironment& host);

}  // namespace sandbox::engine
