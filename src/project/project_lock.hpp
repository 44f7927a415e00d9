// One command at a time changes a project: projects/NAME.lock in the store.
#pragma once

#include <string>

#include "sandbox/base/file_lock.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

inline constexpr const char* kProjectsDirectory = "projects";
// Made when missing.
[[nodiscard]] base::UniqueFd open_projects(const store::Store& store);
// Waits for another command, and says so.
[[nodiscard]] base::FileLock lock_project(const store::Store& store, const std::string& name);

}  // namespace sandbox::project
