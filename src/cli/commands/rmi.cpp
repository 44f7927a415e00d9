#include <algorithm>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/failures.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/oci/reference.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    {"-a,--all", FlagKind::toggle, "", "remove every image"},
    {"-f,--force", FlagKind::toggle, "", "remove ended containers that use it, too"},
    {"-i,--ignore", FlagKind::toggle, "", "an image that is not there is no failure"},
    {"--no-prune", FlagKind::toggle, "", "accepted and ignored: unused layers always go"},
};

std::vector<std::string> all_ids(const store::Store& store) {
    std::vector<std::string> ids;
    for (const store::ImageRecord& record : store::ImageStore(store).list()) {
        const std::string id = record.id.str();
        if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
    return ids;
}

void report(Output& out, const image::RemovedImage& removed) {
    for (const std::string& name : removed.untagged) {
        out.line("Untagged: " + oci::Reference::parse(name).familiar());
    }
    for (const std::string& id : removed.deleted) out.line("Deleted: " + id);
}

// Each name by itself: one that cannot go does not keep the others.
int run(Context& context, const Invocation& in) {
    std::vector<std::string> names = in.arguments();
    const bool force = in.toggle("force");
    if (in.toggle("all")) names = all_ids(context.store());
    if (names.empty() && !in.toggle("all")) {
        throw base::UsageError("no image named", "name one, or use --all");
    }
    Failures failures;
    for (const std::string& name : names) {
        failures.attempt([&] {
            try {
                // --all removes by id, so all names of it go.
                report(context.out,
                       image::remove_images(context.store(), {name}, force || in.toggle("all")));
            } catch (const base::NotFoundError&) {
                if (!in.toggle("ignore") && !force) throw;
            }
        });
    }
    return failures.code();
}

}  // namespace

constinit const Command kRmiCommand = {
    .names = "rmi,image rm,image remove",
    .arguments = "IMAGE [IMAGE...]",
    .summary = "Remove images",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::images,
};

}  // namespace sandbox::cli
