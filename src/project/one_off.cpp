#include "sandbox/project/one_off.hpp"

#include <algorithm>

#include "networks.hpp"
#include "project_lock.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/project/secrets.hpp"
#include "sandbox/project/start_order.hpp"
#include "volumes.hpp"

namespace sandbox::project {
namespace {

void set_label(engine::RunRequest& request, const char* key, const std::string& value) {
    const std::string start = std::string(key) + "=";
    std::erase_if(request.labels,
                  [&](const std::string& label) { return label.starts_with(start); });
    request.labels.push_back(start + value);
}

void make_passing(engine::RunRequest& request, const Project& project, const Service& service) {
    constexpr size_t kBytes = 4;
    request.name = project.name + "-" + service.name + "-run-" + base::random_hex(kBytes);
    set_label(request, label::kNumber, "0");
    set_label(request, label::kOneOff, "True");
    request.remove = true;
}

void remove_former(const store::Store& store, const Project& project, const std::string& service) {
    const base::FileLock lock = lock_project(store, project.name);
    for (const Deployed& each : find_deployed(store, project.name)) {
        if (each.service != service || each.number != 1) continue;
        if (each.is_running()) {
            throw base::Error("task " + base::quote(service) + " is running",
                              "wait for it: sandbox wait " + each.name, base::exit_code::kFailure);
        }
        engine::remove_container(store, each.id, true, true);
    }
}

}  // namespace

OneOff prepare_one_off(const store::Store& store, const Project& project, const OneOffWish& wish,
                       const UpWish& up, const Listener& listener) {
    UpWish needed = up;
    needed.plan.names = select_services(project, {{wish.service}, {"*"}, wish.dependencies});
    std::erase(needed.plan.names, wish.service);
    // Until they are good enough for this one.
    needed.on_behalf_of = wish.service;
    needed.wait = false;
    const Service& service = *project.find_service(wish.service);
    if (service.refused) throw *service.refused;
    OneOff result;
    if (!needed.plan.names.empty() || needed.plan.remove_orphans) {
        UpResult raised = bring_up(store, project, needed, listener);
        result.failures = std::move(raised.failures);
        result.interrupted = raised.interrupted;
        if (!result.failures.empty() || result.interrupted) return result;
    }
    provide_secrets(project, {service.name});
    {
        const base::FileLock lock = lock_project(store, project.name);
        provide_networks(store, project, {service.name}, listener);
        provide_volumes(store, project, service);
    }
    engine::RunRequest& request = result.request;
    request = make_container_request(project, service, 1);
    request.detached = false;
    request.restart.reset();
    request.follow_up.reset();  // nobody depends on this one
    if (!wish.command.empty()) request.command = wish.command;
    if (service.is_task && wish.counts && wish.command.empty()) {
        remove_former(store, project, service.name);
    } else {
        make_passing(request, project, service);
        // compose: who asks for the service means the service, not what was run beside it.
        if (!wish.aliases) request.networks = network_words(project, service, false);
    }
    if (!wish.ports) request.publish.clear();
    return result;
}

}  // namespace sandbox::project
