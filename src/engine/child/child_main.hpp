// Entry of the code that runs between clone and exec. Includes nothing of the host side.
#pragma once

#include "child/plan.hpp"

namespace sandbox::engine::child {

// Must be called in the new process, at once after clone. Never returns.
[[noreturn]] void child_main(const Plan& plan) noexcept;

// The root, volumes and binds only, for work on files: no /proc, no payload, no init. Returns as
// root of the namespace, with the container's root as its own; says `ready`, or fails and ends the
// process. plan.etc_files must be empty.
void enter_root_only(const Plan& plan) noexcept;

}  // namespace sandbox::engine::child
