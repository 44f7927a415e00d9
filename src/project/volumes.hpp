// A project's named volumes in the store: made, with their labels, before the first container that
// uses them, removed by `down --volumes`. One whose driver_opts name a directory of the host is
// that directory: the store has none of it.
#pragma once

#include <string>
#include <vector>

#include "reader.hpp"
#include "sandbox/project/orchestrator.hpp"
#include "sandbox/project/profile.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

// docker's "type none, o bind, device PATH"; anything else needs a mount that only root may do:
// then those that use the volume cannot be made (Volume::refused).
void read_driver_opts(Reader& reader, const Node& node, Volume& volume);

// Those that the service uses. Throws UsageError with the volume's place when its directory of the
// host is not there: docker's rule.
void provide_volumes(const store::Store& store, const Project& project, const Service& service);
// `services` not empty: those that they use, and no other service. `project` may be null: then
// those whose labels say the project's name, and of single services none. What another project has
// made stays; one that is in use by somebody else does, too, as a Failure.
void remove_volumes(const store::Store& store, const std::string& project_name,
                    const Project* project, const std::vector<std::string>& services,
                    const Listener& listener, std::vector<Failure>& failures);

}  // namespace sandbox::project
