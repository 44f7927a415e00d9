// One run of a service or task in the foreground: `run-task`, `compose run`.
#pragma once

#include <string>
#include <vector>

#include "sandbox/project/orchestrator.hpp"

namespace sandbox::project {

struct OneOffWish {
    std::string service;               // or task
    std::vector<std::string> command;  // instead of the profile's; empty: that
    bool dependencies = true;          // what it depends on is brought up first
    bool ports = false;                // its ports are published
    bool aliases = false;              // it is found by the service's names, too
    // A task without other words stays as the task's own container: its success counts for `up`.
    bool counts = true;
};
// Brings up what it needs, then answers what is to be run in the foreground; failures of what it
// needs are in `failures`, and then there is no request. A former container of a task that counts
// is removed: it throws Error when that one runs.
struct OneOff {
    engine::RunRequest request;
    std::vector<Failure> failures;
    bool interrupted = false;
};
[[nodiscard]] OneOff prepare_one_off(const store::Store& store, const Project& project,
                                     const OneOffWish& wish, const UpWish& up,
                                     const Listener& listener);

}  // namespace sandbox::project
