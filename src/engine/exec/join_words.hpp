// Words for what the joining child could only say as numbers. Not a door.
#pragma once

#include "child/messages.hpp"
#include "child/plan.hpp"
#include "engine/exec/join.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::engine {

// One line, with the exit code (125, 126, 127) and the cure when there is one.
[[nodiscard]] base::Error make_exec_error(const child::Message& failure, const ExecSpec& spec,
                                          const child::Plan& plan);

}  // namespace sandbox::engine
