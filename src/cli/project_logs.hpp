// Logs of several services as one stream: each line with its container's name in front, in colours
// on a terminal (not with NO_COLOR), in the order of time.
#pragma once

#include <string>
#include <vector>

#include "cli/output.hpp"
#include "sandbox/engine/logs.hpp"

namespace sandbox::cli {

struct ProjectLogs {
    std::vector<std::string> ids;
    std::vector<std::string> titles;  // one an id, then one of each that is left: "db-1"
    std::vector<engine::LeftLog> left;
    bool prefix = true, color = true, timestamps = false;
};
// Answers when all of them have ended, or (without wish.follow) at the end of what there is.
void show_project_logs(const store::Store& store, Output& out, const ProjectLogs& logs,
                       const engine::LogsWish& wish);

}  // namespace sandbox::cli
