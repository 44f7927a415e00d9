// A project's networks in the store: made before its first container, removed with its last. They
// say themselves whose they are, by labels, as containers do.
#pragma once

#include <string>
#include <vector>

#include "sandbox/project/orchestrator.hpp"
#include "sandbox/project/profile.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

// Those that the named services use. One whose description has changed is made anew, and the
// project's containers on it are removed. Throws UsageError with the service's place for an
// external one that does not exist. Must hold the project's lock.
void provide_networks(const store::Store& store, const Project& project,
                      const std::vector<std::string>& services, const Listener& listener);
// All of the project's. One that is in use by somebody else stays, as a Failure.
void remove_networks(const store::Store& store, const std::string& project_name,
                     const Listener& listener, std::vector<Failure>& failures);

// What `run` is asked for: a service's places on its networks, in the words of --network.
// `aliases`: under its own name and its aliases, too.
[[nodiscard]] std::vector<std::string> network_words(const Project& project, const Service& service,
                                                     bool aliases = true);

}  // namespace sandbox::project
