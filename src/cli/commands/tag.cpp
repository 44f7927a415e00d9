#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/store/event_log.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::cli {
namespace {

oci::Reference parse_target(const std::string& text) {
    oci::Reference target = oci::Reference::parse(text);
    if (target.digest()) {
        throw base::UsageError("cannot tag with a digest: \"" + text + "\"", "use NAME[:TAG]", 1);
    }
    return target;
}

int run_tag(Context& context, const Invocation& in) {
    const std::vector<std::string>& names = in.arguments();
    std::vector<oci::Reference> targets;
    for (size_t i = 1; i < names.size(); ++i) targets.push_back(parse_target(names[i]));
    // Shared: the image must not go between "it exists" and "the new name refers to it".
    const base::FileLock lock = context.store().lock(base::LockMode::shared);
    const store::ImageStore images(context.store());
    store::ImageRecord record = images.find(names[0]);
    for (const oci::Reference& target : targets) {
        record.reference = target;
        images.put(record);
        store::append_event(context.store(),
                            store::image_event("tag", record.id.str(), target.str()));
    }
    return 0;
}

// podman's untag: names go, the image stays. Without targets all of its names.
int run_untag(Context& context, const Invocation& in) {
    const std::vector<std::string>& names = in.arguments();
    const base::FileLock lock = context.store().lock(base::LockMode::exclusive);
    const store::ImageStore images(context.store());
    const store::ImageRecord record = images.find(names[0]);
    std::vector<oci::Reference> targets;
    for (size_t i = 1; i < names.size(); ++i) targets.push_back(parse_target(names[i]));
    for (const store::ImageRecord& other : images.list()) {
        if (names.size() == 1 && other.id == record.id && other.reference) {
            targets.push_back(*other.reference);
        }
    }
    for (const oci::Reference& target : targets) {
        const std::optional<store::ImageRecord> found = images.try_get(target);
        if (!found || found->id != record.id) {
            throw base::NotFoundError("no such tag: " + target.str(), "the image has other names");
        }
    }
    for (const oci::Reference& target : targets) images.remove_reference(target);
    return 0;
}

}  // namespace

constinit const Command kTagCommand = {
    .names = "tag,image tag",
    .arguments = "IMAGE NAME[:TAG] [NAME[:TAG]...]",
    .summary = "Give an image more names",
    .flags = {},
    .min_arguments = 2,
    .max_arguments = -1,
    .run = run_tag,
    .completes = Completes::images,
};
constinit const Command kUntagCommand = {
    .names = "untag,image untag",
    .arguments = "IMAGE [NAME[:TAG]...]",
    .summary = "Take names from an image; the image stays",
    .flags = {},
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_untag,
    .completes = Completes::images,
};

}  // namespace sandbox::cli
