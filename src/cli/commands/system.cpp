// system prune and check. The listing of `system df` is in system_df.cpp.
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/image_filter.hpp"
#include "cli/options.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kPruneFilterFlag = {"--filter", FlagKind::list, "NAME=VALUE",
                                   "only what fits: label=, label!=, until= (a moment or an age)"};
constexpr Flag kPruneFlags[] = {
    {"-a,--all", FlagKind::toggle, "",
     "every image that no container uses, not only dangling ones"},
    kPruneFilterFlag,
    {"-f,--force", FlagKind::toggle, "", "do not ask"},
    {"--volumes", FlagKind::toggle, "", "unused anonymous volumes too"},
};
constexpr Flag kImagePruneFlags[] = {
    {"-a,--all", FlagKind::toggle, "",
     "every image that no container uses, not only dangling ones"},
    kPruneFilterFlag,
    {"-f,--force", FlagKind::toggle, "", "do not ask"},
};
constexpr Flag kCheckFlags[] = {
    {"--repair", FlagKind::toggle, "", "remove what is damaged, so that the next pull heals it"},
    {"-q,--quiet", FlagKind::toggle, "", "only the exit code"},
};

void report(Output& out, const image::PruneReport& pruned) {
    for (const std::string& line : pruned.removed) out.line(line);
    out.line("Total reclaimed space: " + base::format_size(pruned.reclaimed_bytes));
}

void set_filter(const Invocation& in, image::PruneOptions& options) {
    if (in.list("filter").empty()) return;
    Filters filters = Filters::parse(in.list("filter"), {"dangling", "label", "label!", "until"});
    if (filters.try_bool("dangling") == false) options.all_images = true;
    (void)fits_prune(filters, {}, 0);  // a bad time is said before anything is asked or removed
    options.wants = [filters = std::move(filters)](const image::PruneOptions::Labels& labels,
                                                   std::int64_t created) {
        return fits_prune(filters, labels, created);
    };
}

int run_prune(Context& context, const Invocation& in) {
    image::PruneOptions options;
    set_filter(in, options);
    if (in.toggle("all")) options.all_images = true;
    options.volumes = in.toggle("volumes");
    if (!in.toggle("force")) {
        confirm(std::string("This removes ended containers, unused networks, leftovers and ") +
                (options.all_images ? "all unused images" : "images without a name") +
                (options.volumes ? ", and unused anonymous volumes." : "."));
    }
    image::PruneReport pruned = image::prune(context.store(), options);
    const auto wanted = [&](const store::NetworkRecord& record) {
        return !options.wants || options.wants(record.labels, record.created);
    };
    for (const std::string& name : engine::prune_networks(context.store(), wanted)) {
        pruned.removed.push_back("network " + name);
    }
    report(context.out, pruned);
    store::append_event(context.store(), store::prune_event("container", std::nullopt));
    store::append_event(context.store(), store::prune_event("network", std::nullopt));
    store::append_event(context.store(), store::prune_event("image", std::nullopt));
    if (options.volumes) {
        store::append_event(context.store(), store::prune_event("volume", std::nullopt));
    }
    return 0;
}

int run_image_prune(Context& context, const Invocation& in) {
    image::PruneOptions options;
    set_filter(in, options);
    if (in.toggle("all")) options.all_images = true;
    options.containers = false;
    if (!in.toggle("force")) {
        confirm(options.all_images ? "This removes all images that no container uses."
                                   : "This removes images without a name.");
    }
    const image::PruneReport pruned = image::prune(context.store(), options);
    store::append_event(context.store(), store::prune_event("image", pruned.reclaimed_bytes));
    report(context.out, pruned);
    return 0;
}

// 0: whole; 1: damage found (and, with --repair, removed).
int run_check(Context& context, const Invocation& in) {
    const std::vector<image::Damage> damages = image::check(context.store(), in.toggle("repair"));
    if (in.toggle("quiet")) return damages.empty() ? 0 : 1;
    for (const image::Damage& damage : damages) {
        context.out.line(damage.object + ": " + damage.what);
    }
    if (damages.empty()) {
        context.out.line("The store is whole.");
        return 0;
    }
    context.out.flush();
    throw base::Error(
        "the store is damaged: " + std::to_string(damages.size()) +
            (damages.size() == 1 ? " object" : " objects"),
        in.toggle("repair")
            ? "what was damaged is removed where nothing runs on it; pull the images again"
            : "try `sandbox system check --repair`, then pull again",
        1);
}

}  // namespace

constinit const Command kSystemPruneCommand = {
    .names = "system prune",
    .arguments = "",
    .summary = "Remove what nothing uses",
    .flags = kPruneFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run_prune,
};
constinit const Command kImagePruneCommand = {
    .names = "image prune",
    .arguments = "",
    .summary = "Remove images that nothing uses",
    .flags = kImagePruneFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run_image_prune,
};
constinit const Command kSystemCheckCommand = {
    .names = "system check",
    .arguments = "",
    .summary = "Read everything in the store and compare it with its digests",
    .flags = kCheckFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run_check,
};

}  // namespace sandbox::cli
