// Entry of the code that runs between clone and exec. Includes nothing of the host side.
#pragma once

#include "child/plan.hpp"

namespace sandbox::engine::child {

// Must be called in the new process, at once after clone. Never returns.
[[noreturn]] void child_main(const Plan& plan) noexcept;

}  // namespace sandbox::engine::child
