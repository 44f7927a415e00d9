#include "cli/project_lifecycle.hpp"

#include "cli/app.hpp"
#include "cli/project_report.hpp"
#include "sandbox/project/orchestrator.hpp"

namespace sandbox::cli {
namespace {

using project::Failure;
using project::Project;

std::vector<Failure> apply(Context& context, const Invocation& in, ProjectScope& scope,
                           ServiceVerb verb, const std::vector<std::string>& names,
                           const engine::StopWish& stop_wish, const project::Listener& listener) {
    const store::Store& store = context.store();
    const Project* project = scope.try_project();
    switch (verb) {
        case ServiceVerb::start:
            return project::start_services(store, scope.name(), project, names, listener);
        case ServiceVerb::stop: {
            project::DownWish wish;
            wish.names = names;
            wish.remove = false;
            wish.timeout_seconds = stop_wish.timeout_seconds;
            wish.signal = stop_wish.signal;
            return project::bring_down(store, scope.name(), project, wish, listener);
        }
        case ServiceVerb::restart:
            break;
    }
    project::RestartWish wish;
    wish.names = names;
    wish.timeout_seconds = stop_wish.timeout_seconds;
    wish.signal = stop_wish.signal;
    wish.dependents = !in.toggle("no-deps");
    return project::restart_services(store, scope.name(), project, wish, listener);
}

}  // namespace

std::vector<std::string> take_services(Context& context, const Invocation& in, ServiceVerb verb,
                                       const engine::StopWish& stop_wish, int& code) {
    ProjectScope scope(context, in);
    if (in.arguments().empty() && !scope.exists()) {
        throw base::UsageError("no container named, and there is no project here",
                               "name one, or use --all");
    }
    ProjectScope::Names names = scope.sort(in.arguments());
    if (names.services.empty() && !in.arguments().empty()) return names.containers;
    ProjectReport report(scope.try_project(), false);
    const std::vector<Failure> failures =
        apply(context, in, scope, verb, names.services, stop_wish, report.listener());
    report.tell_failures(failures);
    if (!failures.empty()) code = base::exit_code::kFailure;
    return names.containers;
}

}  // namespace sandbox::cli
