// rm, container prune and exists: kept containers go. The listing is in ps.cpp.
#include "cli/commands.hpp"
#include "cli/container_filter.hpp"
#include "cli/context.hpp"
#include "cli/failures.hpp"
#include "cli/options.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kRmFlags[] = {
    {"-a,--all", FlagKind::toggle, "", "remove all containers"},
    {"-f,--force", FlagKind::toggle, "",
     "end a running one first; one that is not there is no failure"},
    {"-i,--ignore", FlagKind::toggle, "", "a container that is not there is no failure"},
    {"-t,--time", FlagKind::value, "SECONDS", "accepted and ignored: --force kills at once"},
    {"-v,--volumes", FlagKind::toggle, "", "its anonymous volumes too"},
};
constexpr RefusedFlag kRmRefused[] = {
    {"-l,--link,--latest", "name the container"},
};
constexpr Flag kPruneFlags[] = {
    {"--filter", FlagKind::list, "NAME=VALUE",
     "only what fits: label=, label!=, until= (a moment, or an age)"},
    {"-f,--force", FlagKind::toggle, "", "do not ask"},
};

int run_rm(Context& context, const Invocation& in) {
    std::vector<std::string> names = in.arguments();
    if (in.toggle("all")) {
        for (const engine::ContainerRow& row : engine::list_containers(context.store())) {
            names.push_back(row.id);
        }
    } else if (names.empty()) {
        throw base::UsageError("no container named", "name one, or use --all");
    }
    const bool missing_is_fine = in.toggle("force") || in.toggle("ignore");
    Failures failures;
    for (const std::string& name : names) {
        failures.attempt([&] {
            try {
                engine::remove_container(context.store(), name, in.toggle("force"),
                                         in.toggle("volumes"));
            } catch (const base::NotFoundError&) {
                if (!missing_is_fine) throw;
                return;
            }
            context.out.line(name);
        });
    }
    return failures.code();
}

int run_prune(Context& context, const Invocation& in) {
    if (!in.toggle("force")) confirm("This removes all containers that have ended.");
    const Filters filters = Filters::parse(in.list("filter"), {"label", "label!", "until"});
    std::vector<std::string> ids;
    for (const engine::ContainerRow& row : filter_containers(
             context.store(), engine::list_containers(context.store()), filters, true)) {
        if (row.state == "created" || row.state == "exited") ids.push_back(row.id);
    }
    auto bytes = image::measure_containers(context.store(), ids);
    Failures failures;
    std::uint64_t reclaimed = 0;
    for (const std::string& id : ids) {
        failures.attempt([&] {
            engine::remove_container(context.store(), id, false, false);
            reclaimed += bytes[id];
            context.out.line(id);
        });
    }
    context.out.line("Total reclaimed space: " + base::format_size(reclaimed));
    store::append_event(context.store(), store::prune_event("container", reclaimed));
    return failures.code();
}

int run_exists(Context& context, const Invocation& in) {
    try {
        (void)engine::inspect_container(context.store(), in.arguments()[0]);
        return 0;
    } catch (const base::NotFoundError&) {
        return 1;
    }
}

}  // namespace

constinit const Command kRmCommand = {
    .names = "rm,container rm,container remove",
    .arguments = "CONTAINER [CONTAINER...]",
    .summary = "Remove containers",
    .flags = kRmFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_rm,
    .completes = Completes::containers,
    .refused = kRmRefused,
};
constinit const Command kContainerPruneCommand = {
    .names = "container prune",
    .arguments = "",
    .summary = "Remove all containers that have ended",
    .flags = kPruneFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run_prune,
};
constinit const Command kContainerExistsCommand = {
    .names = "container exists",
    .arguments = "CONTAINER",
    .summary = "Answer by the exit code whether a container is there",
    .flags = {},
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_exists,
    .completes = Completes::containers,
};

}  // namespace sandbox::cli
