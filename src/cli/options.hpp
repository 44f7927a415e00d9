// Flag values that several verbs take, and the question before something is removed.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/command.hpp"
#include "sandbox/image/pull.hpp"
#include "sandbox/oci/platform.hpp"

namespace sandbox::cli {

// --platform. Throws UsageError with `code`.
[[nodiscard]] std::optional<oci::Platform> try_platform(const Invocation& in, int code);
// "missing", "always", "never"; podman's "true", "false", "newer". Throws UsageError (125).
[[nodiscard]] image::PullPolicy pull_policy(std::string_view word);
// "NAME=VALUE" or "NAME". Throws UsageError for an empty name.
[[nodiscard]] std::map<std::string, std::string> parse_labels(
    const std::vector<std::string>& labels);
// Asks on a terminal; "y" goes on, everything else throws Error "nothing was removed". Without a
// terminal there is nobody to ask: goes on, so that scripts never hang.
void confirm(std::string_view what);

}  // namespace sandbox::cli
