// Secrets and configs: files that services have in memory. A secret that is no file on the host is
// kept nowhere: it is handed to the supervisor through the environment of the process that starts
// it, under a name that only this project has.
#pragma once

#include <string>
#include <vector>

#include "sandbox/engine/run.hpp"
#include "sandbox/project/profile.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

[[nodiscard]] std::vector<engine::MemoryFile> memory_files_of(const Project& project,
                                                              const Service& service);
// Where a service's secrets come from, not what they are: what its hash, which stands in a label,
// depends on.
[[nodiscard]] base::json::Value secret_sources(const Project& project, const Service& service);
// Puts the values of those that the services use into this process's environment; call it before
// anything is started. Throws UsageError for one that is not set or too long for that.
void provide_secrets(const Project& project, const std::vector<std::string>& services);
// The same for a container that is started by its own name: its project's profile is read again,
// if it needs something from there. What cannot be had is left to the start, which says so.
void provide_secrets_for(const store::Store& store, const std::string& container);

}  // namespace sandbox::project
