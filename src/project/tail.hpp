// The end of a container's log, to be shown beside a failure.
#pragma once

#include <string>
#include <vector>

#include "sandbox/store/layout.hpp"

namespace sandbox::project {

// At most `count` lines, oldest first; none when there is no log.
[[nodiscard]] std::vector<std::string> last_log_lines(const store::Store& store,
                                                      const std::string& id, size_t count);

}  // namespace sandbox::project
