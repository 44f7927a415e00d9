// The operations of a supervisor that are about limits:
//   update {request, resources, pids_limit, strict} → {unmet: "--memory", why}   kept for the next
//     start, and set at once where the container has a cgroup
//   usage → {cpu_ns, memory, limit, tasks, read, written}
#pragma once

#include "engine/supervisor/live_container.hpp"

namespace sandbox::engine {

void add_limit_operations(LiveContainer& live);

}  // namespace sandbox::engine
