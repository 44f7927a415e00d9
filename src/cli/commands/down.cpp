#include <set>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/project_flags.hpp"
#include "cli/project_report.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/project/start_order.hpp"

namespace sandbox::cli {
namespace {

using project::Project;

constexpr Flag kFlags[] = {
    kProfileFileFlag,
    kProjectNameFlag,
    kEnvFilesFlag,
    {"-v,--volumes", FlagKind::toggle, "", "the project's named volumes too: their data is gone"},
    {"--rmi", FlagKind::value, "all", "the services' images too", Completes::words, "all"},
    {"-t,--timeout", FlagKind::value, "SECONDS", "how long a service may take to stop"},
    {"--remove-orphans", FlagKind::toggle, "", "accepted: they always go"},
    {"-q,--quiet", FlagKind::toggle, "", "no report, only failures"},
};

std::string given_name(const Context& context, const Invocation& in) {
    return in.value_or("project-name", context.project.name);
}

// Without a profile the project can be brought down by its name.
std::optional<Project> try_load(Context& context, const Invocation& in) {
    try {
        return load_project(context, in);
    } catch (const base::NotFoundError&) {
        if (given_name(context, in).empty() || !in.list("file").empty()) throw;
        return std::nullopt;
    }
}

void remove_images(const store::Store& store, const Project& project) {
    std::set<std::string> images;  // several services may have one
    for (const project::Service& service : project.services) {
        if (!service.image().empty()) images.insert(service.image());
    }
    for (const std::string& image : images) {
        try {
            (void)image::remove_images(store, {image}, false);
        } catch (const base::NotFoundError&) {  // it was never fetched
        } catch (const base::Error& error) {
            base::log::notice("the image stays: " + error.message());
        }
    }
}

int run(Context& context, const Invocation& in) {
    if (const auto which = in.try_value("rmi"); which && *which != "all" && *which != "local") {
        throw base::UsageError("invalid value " + base::quote(*which) + " for --rmi",
                               "it may be all or local");
    }
    project::DownWish wish;
    wish.volumes = in.toggle("volumes");
    if (const auto seconds = in.try_value("timeout")) {
        wish.timeout_seconds = base::try_parse_i64(*seconds);
        if (!wish.timeout_seconds) {
            throw base::UsageError("invalid number " + base::quote(*seconds) + " for --timeout");
        }
    }
    const std::optional<Project> project = try_load(context, in);
    const Project* known = project ? &*project : nullptr;
    const std::string name = known != nullptr ? known->name : given_name(context, in);
    if (known != nullptr) {
        wish.names = project::select_services(*known, {in.arguments(), {"*"}, false});
        if (in.arguments().empty()) wish.names.clear();
    } else {
        wish.names = in.arguments();
    }
    ProjectReport report(known, in.toggle("quiet"));
    const std::vector<project::Failure> failures =
        project::bring_down(context.store(), name, known, wish, report.listener());
    report.tell_failures(failures);
    if (in.try_value("rmi") == "all" && known != nullptr) remove_images(context.store(), *known);
    return failures.empty() ? 0 : base::exit_code::kFailure;
}

}  // namespace

constinit const Command kDownCommand = {
    .names = "down,compose down",
    .arguments = "[SERVICE...]",
    .summary = "Stop the project's services and remove their containers",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::services,
};

}  // namespace sandbox::cli
