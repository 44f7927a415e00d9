// What a project's containers have said before `down` removed them: kept until the next `up`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/store/layout.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::project {

struct KeptLog {
    std::string service;
    std::uint32_t number = 0;
    base::UniqueFd directory;  // for store::LogReader, in a container's directory's place
    store::LogOptions options;
};
// In the order of service and number.
[[nodiscard]] std::vector<KeptLog> kept_logs(const store::Store& store,
                                             const std::string& project_name);

}  // namespace sandbox::project
