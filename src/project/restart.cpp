// `start` and `restart`: `up` and `down` with less to decide.
#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/project/orchestrator.hpp"
#include "sandbox/project/secrets.hpp"
#include "sandbox/project/start_order.hpp"

namespace sandbox::project {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// Without a profile there is no order.
std::vector<Failure> start_all(const store::Store& store, const std::string& name,
                               const std::vector<std::string>& names, const Listener& listener) {
    std::vector<Failure> failures;
    for (const Deployed& each : find_deployed(store, name)) {
        if (each.number == 0 || each.is_running()) continue;
        if (!names.empty() && !contains(names, each.service)) continue;
        listener({Notice::What::starting, each.service, each.name, {}});
        try {
            provide_secrets_for(store, each.id);
            engine::start_container(store, each.id);
        } catch (const base::Error& error) {
            failures.push_back({each.service, each.name, error.with_hint(), {}, {}});
        }
    }
    return failures;
}

std::vector<std::string> names_or_all(const Project& project,
                                      const std::vector<std::string>& names) {
    return select_services(project, {names, {"*"}, false});
}

}  // namespace

std::vector<Failure> start_services(const store::Store& store, const std::string& project_name,
                                    const Project* project, const std::vector<std::string>& names,
                                    const Listener& listener, bool dependents) {
    if (project == nullptr) return start_all(store, project_name, names, listener);
    UpWish wish;
    wish.plan.names = names_or_all(*project, names);
    wish.plan.no_create = true;
    wish.plan.no_recreate = true;
    wish.plan.alone = !dependents;
    wish.wait = false;
    return bring_up(store, *project, wish, listener).failures;
}

std::vector<Failure> restart_services(const store::Store& store, const std::string& project_name,
                                      const Project* project, const RestartWish& wish,
                                      const Listener& listener) {
    DownWish down;
    down.names = wish.names;
    down.remove = false;
    down.timeout_seconds = wish.timeout_seconds;
    down.signal = wish.signal;
    if (project != nullptr) {
        down.names = names_or_all(*project, wish.names);
        if (wish.dependents) down.names = with_restarted(*project, down.names);
        // What has run to its end is no service that could be restarted.
        std::erase_if(down.names, [&](const std::string& name) {
            return project->find_service(name)->is_task && !contains(wish.names, name);
        });
    }
    std::vector<Failure> failures = bring_down(store, project_name, project, down, listener);
    std::vector<Failure> more =
        start_services(store, project_name, project, down.names, listener, wish.dependents);
    failures.insert(failures.end(), more.begin(), more.end());
    return failures;
}

}  // namespace sandbox::project
