// From the flags of `run` to what the engine is asked for.
#pragma once

#include "cli/command.hpp"
#include "sandbox/engine/run.hpp"

namespace sandbox::cli {

// Values stay as typed, their grammar is the engine's. Throws UsageError (125) for numbers,
// policies and modes that cannot be.
[[nodiscard]] engine::RunRequest make_run_request(const Invocation& in);
// The flags that `update` has, too: --memory, --cpus, ….
void take_limits(const Invocation& in, engine::RunRequest& request);

}  // namespace sandbox::cli
