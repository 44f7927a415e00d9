// What `lock` and `update` share. The command has -f, -p, --env-file, --check and --quiet.
#pragma once

#include "cli/command.hpp"
#include "cli/context.hpp"

namespace sandbox::cli {

// Writes sandbox.lock, or says with --check what it would write. Answers the exit code.
[[nodiscard]] int renew_lock(Context& context, const Invocation& in, bool renew);

}  // namespace sandbox::cli
