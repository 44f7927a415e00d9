// Flag values that several verbs take.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cli/command.hpp"
#include "sandbox/image/pull.hpp"
#include "sandbox/oci/platform.hpp"

namespace sandbox::cli {

// --platform. Throws UsageError with `code`.
[[nodiscard]] std::optional<oci::Platform> try_platform(const Invocation& in, int code);
// "missing", "always", "never"; podman's "true", "false", "newer". Throws UsageError (125).
[[nodiscard]] image::PullPolicy pull_policy(std::string_view word);

}  // namespace sandbox::cli
