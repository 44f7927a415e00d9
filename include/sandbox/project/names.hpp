// Whose a project's name is. Two checkouts of one project have the same name in their profiles;
// the directory that brought it up first owns it, the other one is called NAME-xxxx, where xxxx
// follows from its path. What the owner has left (volumes) stays its own while its directory is
// there.
#pragma once

#include <string>

#include "sandbox/store/layout.hpp"

namespace sandbox::project {

// The name for a profile in `directory` (absolute) that would like to be called `name`.
[[nodiscard]] std::string settle_project_name(const store::Store& store, const std::string& name,
                                              const std::string& directory);
// Writes down that the name is the directory's. Absent from then on only through
// release_project_name(). Throws Error when another directory was faster, unless `shared`.
void claim_project_name(const store::Store& store, const std::string& name,
                        const std::string& directory, bool shared);
void release_project_name(const store::Store& store, const std::string& name) noexcept;

}  // namespace sandbox::project
