// Brings a project up and down over the engine: what must exist first, in which order, what is
// waited for and why. No state of its own: containers are found by their labels. One process with
// one thread; what takes long by itself (pulls, several stops) is done by children.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "sandbox/project/deployment.hpp"
#include "sandbox/project/profile.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

// What is going on, for whoever shows it.
struct Notice {
    enum class What {
        pulling,     // text: the image
        pulled,      // text: the image
        removing,    // text: why
        creating,    // text: why anew, or nothing
        starting,    // text: why again, or nothing
        kept,        // nothing to do
        waiting,     // text: for what; said again whenever it changes, and every second
        started,     // and nobody has waited for more
        good,        // ready, or (tasks) completed
        stopping,    // text: why, or nothing
        ending,      // takes its time; elapsed: what is left until it is killed
        stopped,     //
        removed,     //
        not_begun,   // text: the failure that it waited for
        fell_short,  // text: what has become of it, though it is no failure
    };
    What what = What::kept;
    std::string service;
    std::string container;  // empty: all of the service
    std::string text;
    std::chrono::milliseconds elapsed{0};  // waiting, good: since it was started; ending: left
    std::vector<std::string> waiters{};    // waiting: services that cannot start before
};
using Listener = std::function<void(const Notice&)>;

struct Failure {
    std::string service, container, why;
    std::string probe_output;            // of the last health check
    std::vector<std::string> log_lines;  // the last ones
};

// What bring_up() would do now: make_plan() with what is in the store. `options.image_id` is filled
// in.
[[nodiscard]] std::vector<Action> plan_up(const store::Store& store, const Project& project,
                                          PlanOptions options);

struct UpWish {
    PlanOptions plan;  // names, scale, …; image_id is filled in
    std::optional<image::PullPolicy> pull;
    bool wait = true;               // until all are good; false: until all are started
    std::string on_behalf_of = {};  // a service that its caller starts: what it waits for counts
    bool strict = false;            // what is not ready is a failure, whether or not others need it
    bool only_wait = false;         // for what runs: nothing is done, so nobody is kept from doing
    bool start = true;              // false: only make what is missing
    bool renew_volumes = false;     // volumes without a name begin anew with their containers
    std::chrono::seconds patience{120};         // for one service, without a check of its own
    std::function<bool()> is_interrupted = {};  // asked often; true: give up, leave what runs
};
struct UpResult {
    std::vector<Failure> failures;   // empty: all is well
    std::vector<Deployed> deployed;  // of the chosen services, afterwards
    bool interrupted = false;
};
// Throws Error for what is wrong before anything was started.
[[nodiscard]] UpResult bring_up(const store::Store& store, const Project& project,
                                const UpWish& wish, const Listener& listener);

struct DownWish {
    std::vector<std::string> names;  // services; empty: all, and one-off runs and orphans too
    bool remove = true;              // false: only stop
    bool volumes = false;  // the project's named volumes too; without a profile by their labels
    std::optional<std::int64_t> timeout_seconds;
    std::string signal;  // instead of the container's own
    bool kill = false;   // at once
};
// In the reverse order of start. `project` may be null when there is no profile any more: then all
// at once. Goes on after a failure; answers what could not be done.
[[nodiscard]] std::vector<Failure> bring_down(const store::Store& store,
                                              const std::string& project_name,
                                              const Project* project, const DownWish& wish,
                                              const Listener& listener);

struct RestartWish {
    std::vector<std::string> names;  // services; empty: all
    std::optional<std::int64_t> timeout_seconds;
    std::string signal;
    bool dependents = true;  // those too that want to be restarted with them
};
// Stops in the reverse order of start and starts again in order, with the waits of an `up`.
// `project` may be null: then all at once.
[[nodiscard]] std::vector<Failure> restart_services(const store::Store& store,
                                                    const std::string& project_name,
                                                    const Project* project, const RestartWish& wish,
                                                    const Listener& listener);
// Starts what exists and does not run; `dependents`: those that want to be restarted with it are.
[[nodiscard]] std::vector<Failure> start_services(const store::Store& store,
                                                  const std::string& project_name,
                                                  const Project* project,
                                                  const std::vector<std::string>& names,
                                                  const Listener& listener, bool dependents = true);

}  // namespace sandbox::project
