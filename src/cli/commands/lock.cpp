// `lock`, and `update` of a project's images: what sandbox.lock says.
#include "cli/commands/lock.hpp"

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/project_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/image_lock.hpp"
#include "sandbox/project/start_order.hpp"

namespace sandbox::cli {
namespace {

using project::LockChange;
using project::Project;

constexpr Flag kFlags[] = {
    kProfileFileFlag,
    kProjectNameFlag,
    kEnvFilesFlag,
    {"--update", FlagKind::toggle, "", "ask the registries again, as `sandbox update` does"},
    {"--check", FlagKind::toggle, "", "write nothing; end with 1 when something would change"},
    {"-q,--quiet", FlagKind::toggle, "", "no report"},
};

std::string short_digest(const std::string& digest) {
    constexpr size_t kDigits = 7 + 12;  // "sha256:" and enough to tell two apart
    return digest.substr(0, kDigits);
}

std::string words_of(const LockChange& change) {
    const std::string& image = change.image;
    if (change.before.empty()) return image + " is " + short_digest(change.after);
    if (change.after.empty()) return image + " is not used any more";
    if (!change.is_change()) return image + " stays " + short_digest(change.after);
    return image + " was " + short_digest(change.before) + ", is " + short_digest(change.after);
}

// Nothing is asked: what is not fixed, and what is fixed in vain.
int check_lock(Context& context, const Project& project, bool quiet) {
    bool good = true;
    const auto say = [&](const std::string& text) {
        good = false;
        if (!quiet) context.out.line(text);
    };
    for (const std::string& image : project::unlocked_images(project)) say(image + " is not fixed");
    for (const auto& [image, digest] : project.image_lock) {
        bool used = false;
        for (const project::Service& service : project.services) {
            used = used || service.request.image == image;
        }
        if (!used) say(image + " is not used any more");
    }
    return good ? 0 : base::exit_code::kFailure;
}

int run_lock(Context& context, const Invocation& in) {
    return renew_lock(context, in, in.toggle("update"));
}

}  // namespace

int renew_lock(Context& context, const Invocation& in, bool renew) {
    const Project project = load_project(context, in);
    const bool quiet = in.toggle("quiet"), check = in.toggle("check");
    if (check && !renew) return check_lock(context, project, quiet);
    project::LockWish wish;
    wish.renew = renew;
    if (!in.arguments().empty()) {
        wish.services = project::select_services(project, {in.arguments(), {"*"}, false});
    }
    std::map<std::string, std::string> digests;
    bool changed = false;
    for (const LockChange& change : project::plan_image_lock(context.store(), project, wish)) {
        if (!change.after.empty()) digests[change.image] = change.after;
        changed = changed || change.is_change();
        if (!quiet && (change.is_change() || renew)) context.out.line(words_of(change));
    }
    if (check) return changed ? base::exit_code::kFailure : 0;
    const std::string path = project::image_lock_path(project);
    if (digests.empty() && !changed) {
        base::log::notice("no image of the project can be fixed: all are digests or files");
        return 0;
    }
    if (changed) project::save_image_lock(path, digests);
    return 0;
}

constinit const Command kLockCommand = {
    .names = "lock",
    .arguments = "[SERVICE...]",
    .summary = "Fix the project's images by their digests, in sandbox.lock",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_lock,
    .completes = Completes::services,
};

}  // namespace sandbox::cli
