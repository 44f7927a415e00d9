// `top`: the processes of a container that runs, as the host sees them.
#pragma once

#include <string>
#include <vector>

#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

struct ProcessTable {
    std::vector<std::string> titles;
    std::vector<std::vector<std::string>> rows;
};
// Without options: docker's columns; the user is the one inside. With some: what the host's ps(1)
// says with them, for the container's processes only (docker's way; the PID column must be there).
// Throws NotFoundError, Error (not running).
[[nodiscard]] ProcessTable list_processes(const store::Store& store, const std::string& name,
                                          const std::vector<std::string>& ps_options);

}  // namespace sandbox::engine
