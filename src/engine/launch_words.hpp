// Words for what the child could only say as numbers. Not a door.
#pragma once

#include "child/messages.hpp"
#include "child/plan.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/engine/container_spec.hpp"

namespace sandbox::engine {

// One line, with the exit code (125, 126, 127) and the cure when there is one.
[[nodiscard]] base::Error make_launch_error(const child::Message& failure,
                                            const ContainerSpec& spec, const child::Plan& plan);
// The kernel refused the overlay as such (not one of its directories): a copied tree would do.
[[nodiscard]] bool is_overlay_refusal(const child::Message& failure) noexcept;

}  // namespace sandbox::engine
