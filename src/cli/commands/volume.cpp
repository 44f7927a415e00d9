// volume create, rm, prune, exists: what changes volumes. Listings are in volume_ls.cpp.
#include <sys/stat.h>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/failures.hpp"
#include "cli/filter.hpp"
#include "cli/options.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/volumes.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kCreateFlags[] = {
    {"-d,--driver", FlagKind::value, "NAME", "only local, the default", Completes::words, "local"},
    {"--ignore", FlagKind::toggle, "", "a volume that exists is no failure (the default)"},
    {"-l,--label", FlagKind::list, "NAME[=VALUE]", "label the volume"},
    {"--name", FlagKind::value, "NAME", "the name, as an argument"},
};
constexpr RefusedFlag kCreateRefused[] = {
    {"-o,--opt",
     "a volume is a plain directory of yours; see --tmpfs and --mount of run, and driver_opts "
     "of sandbox-profile(5)"},
};
constexpr Flag kRmFlags[] = {
    {"-f,--force", FlagKind::toggle, "", "a volume that is not there is no failure"},
    {"-a,--all", FlagKind::toggle, "", "remove every volume that nothing uses"},
};
constexpr Flag kPruneFlags[] = {
    {"-a,--all", FlagKind::toggle, "", "named volumes too, not only anonymous ones"},
    {"--filter", FlagKind::list, "NAME=VALUE",
     "only what fits: label=, label!=; all=true is --all"},
    {"-f,--force", FlagKind::toggle, "", "do not ask"},
};

store::VolumeRecord make_wish(const Invocation& in) {
    store::VolumeRecord wish;
    wish.created = base::now().seconds;
    wish.labels = parse_labels(in.list("label"));
    if (in.value_or("driver", "local") != "local") {
        throw base::UsageError("unknown volume driver " + base::quote(in.value_or("driver", "")),
                               "only local is there", 1);
    }
    const std::optional<std::string> name = in.try_value("name");
    if (name && !in.arguments().empty()) {
        throw base::UsageError("the name is given twice", "use --name or the argument");
    }
    wish.name = name ? *name : in.arguments().empty() ? "" : in.arguments()[0];
    if (wish.name.empty()) {
        wish.name = base::random_hex(32);
        wish.anonymous = true;
    }
    return wish;
}

int run_create(Context& context, const Invocation& in) {
    const store::VolumeRecord wish = make_wish(in);
    store::VolumeStore::check_name(wish.name);
    context.out.line(store::VolumeStore(context.store()).create(wish).name);
    return 0;
}

int run_rm(Context& context, const Invocation& in) {
    if (in.arguments().empty() && !in.toggle("all")) {
        throw base::UsageError("no volume named", "name one, or use --all");
    }
    Failures failures;
    std::vector<std::string> gone;
    if (in.toggle("all")) gone = engine::prune_volumes(context.store(), true);
    for (const std::string& name : in.arguments()) {
        failures.attempt([&] {
            engine::remove_volume(context.store(), name, in.toggle("force"));
            gone.push_back(name);
        });
    }
    for (const std::string& name : gone) context.out.line(name);
    return failures.code();
}

int run_prune(Context& context, const Invocation& in) {
    const Filters filters = Filters::parse(in.list("filter"), {"all", "label", "label!"});
    const bool all = in.toggle("all") || filters.try_bool("all").value_or(false);
    if (!in.toggle("force")) {
        confirm(all ? "This removes all volumes that no container uses."
                    : "This removes anonymous volumes that no container uses.");
    }
    const std::vector<std::string> gone = engine::prune_volumes(
        context.store(), all, [&](const auto& labels) { return filters.matches_labels(labels); });
    store::append_event(context.store(), store::prune_event("volume", std::nullopt));
    for (const std::string& name : gone) context.out.line(name);
    return 0;
}

int run_exists(Context& context, const Invocation& in) {
    return store::VolumeStore(context.store()).try_get(in.arguments()[0]) ? 0 : 1;
}

}  // namespace

constinit const Command kVolumeCreateCommand = {
    .names = "volume create",
    .arguments = "[NAME]",
    .summary = "Make a volume",
    .flags = kCreateFlags,
    .min_arguments = 0,
    .max_arguments = 1,
    .run = run_create,
    .refused = kCreateRefused,
};
constinit const Command kVolumeRmCommand = {
    .names = "volume rm,volume remove",
    .arguments = "VOLUME [VOLUME...]",
    .summary = "Remove volumes",
    .flags = kRmFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_rm,
    .completes = Completes::volumes,
};
constinit const Command kVolumePruneCommand = {
    .names = "volume prune",
    .arguments = "",
    .summary = "Remove volumes that nothing uses",
    .flags = kPruneFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run_prune,
};
constinit const Command kVolumeExistsCommand = {
    .names = "volume exists",
    .arguments = "VOLUME",
    .summary = "Answer by the exit code whether a volume exists",
    .flags = {},
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_exists,
    .completes = Completes::volumes,
};

}  // namespace sandbox::cli
