#include "engine/own_memory.hpp"

#include "sandbox/base/idle_memory.hpp"

namespace sandbox::engine {

void mark_droppable(child::Plan& plan) {
    for (const base::MemoryRange& range : base::droppable_ranges()) {
        if (plan.droppable_count == child::kMaxDroppable) break;
        plan.droppable[plan.droppable_count++] = {range.begin, range.end};
    }
}

}  // namespace sandbox::engine
