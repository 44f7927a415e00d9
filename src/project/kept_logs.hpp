// Keeping the logs of containers that `down` removes: projects/NAME.logs/SERVICE.NUMBER/ in the
// store, each as it lay in the container's directory.
#pragma once

#include <string>

#include "sandbox/project/deployment.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

// Call it when the container has ended, before it is removed. A log that lies elsewhere
// (--log-opt path) or cannot be moved is not kept.
void keep_log(const store::Store& store, const std::string& project_name,
              const Deployed& container) noexcept;
void forget_logs(const store::Store& store, const std::string& project_name) noexcept;

}  // namespace sandbox::project
