// What of our memory a child needs no more that is a copy of us and only waits
// (base/idle_memory.hpp does that for ourselves).
#pragma once

#include "child/plan.hpp"

namespace sandbox::engine {

// For pid 1 of the container, which allocates nothing: all of these, as many as the plan can hold.
void mark_droppable(child::Plan& plan);

}  // namespace sandbox::engine
