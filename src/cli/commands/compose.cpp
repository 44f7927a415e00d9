// Verbs that exist only behind `compose`: rm, pull, images, ls. The others are the verbs of the
// same name, which then hear services only.
#include <algorithm>
#include <set>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/failures.hpp"
#include "cli/filter.hpp"
#include "cli/listing.hpp"
#include "cli/listing_flags.hpp"
#include "cli/progress.hpp"
#include "cli/project_report.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/image/pull.hpp"
#include "sandbox/project/orchestrator.hpp"
#include "sandbox/project/start_order.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;
using project::Deployed;

constexpr Flag kRmFlags[] = {
    {"-f,--force", FlagKind::toggle, "", "accepted: nothing is asked"},
    {"-s,--stop", FlagKind::toggle, "", "stop them first; otherwise those that run stay"},
    {"-v,--volumes", FlagKind::toggle, "", "accepted: their anonymous volumes always go"},
};
constexpr Flag kPullFlags[] = {
    {"--ignore-buildable", FlagKind::toggle, "", "accepted: nothing is built here"},
    {"--ignore-pull-failures", FlagKind::toggle, "", "go on, and end with 0"},
    {"--include-deps", FlagKind::toggle, "", "what they depend on, too"},
    {"--policy", FlagKind::value, "POLICY", "missing: only what is not there; always (the default)",
     Completes::words, "missing always"},
    {"-q,--quiet", FlagKind::toggle, "", "no progress"},
};
constexpr Flag kListFlags[] = {
    kFormatFlag,
    kQuietFlag,
};
constexpr Flag kLsFlags[] = {
    {"-a,--all", FlagKind::toggle, "", "those too of which nothing runs"},
    {"--filter", FlagKind::list, "name=NAME", "only projects whose name matches"},
    kFormatFlag,
    kQuietFlag,
};

int run_rm(Context& context, const Invocation& in) {
    ProjectScope scope(context, in);
    const ProjectScope::Names names = scope.sort(in.arguments());
    ProjectReport report(scope.try_project(), false);
    if (in.toggle("stop")) {
        project::DownWish wish;
        wish.names = names.services;
        wish.remove = false;
        report.tell_failures(project::bring_down(context.store(), scope.name(), scope.try_project(),
                                                 wish, report.listener()));
    }
    Failures failures;
    for (const Deployed& each : project::find_deployed(context.store(), scope.name())) {
        const bool wanted = names.services.empty() ||
                            std::find(names.services.begin(), names.services.end(), each.service) !=
                                names.services.end();
        if (!wanted || each.is_running()) continue;
        failures.attempt([&] {
            engine::remove_container(context.store(), each.id, false, true);
            report.tell({project::Notice::What::removed, each.service, each.name, {}});
        });
    }
    return failures.code();
}

image::PullPolicy wanted_policy(const Invocation& in) {
    const std::string word = in.value_or("policy", "always");
    if (word == "missing") return image::PullPolicy::missing;
    if (word == "always") return image::PullPolicy::always;
    throw base::UsageError("invalid value " + base::quote(word) + " for --policy",
                           "it may be missing or always");
}

int run_pull(Context& context, const Invocation& in) {
    const project::Project project = load_project(context, in);
    const std::vector<std::string> names = project::select_services(
        project, {in.arguments(), chosen_groups(context, in, project), in.toggle("include-deps")});
    const image::PullPolicy policy = wanted_policy(in);
    const store::ImageStore present(context.store());
    Failures failures;
    std::set<std::string> seen;
    for (const std::string& name : names) {
        const project::Service& service = *project.find_service(name);
        const engine::RunRequest& request = service.request;
        if (service.image().empty() || !seen.insert(service.image()).second) continue;
        if (policy == image::PullPolicy::missing && present.try_find(service.image())) continue;
        failures.attempt([&] {
            const auto progress = make_progress(progress_style(in.toggle("quiet")));
            image::PullOptions options;
            options.platform = request.platform;
            options.progress = progress.get();
            (void)image::pull(context.store(), oci::ImageSource::parse(service.image()), options);
        });
    }
    return in.toggle("ignore-pull-failures") ? 0 : failures.code();
}

struct ImageRow {
    std::string container, repository, tag, id, size;
};
Value container_of(const ImageRow& row, const ListFlags&) {
    return row.container;
}
Value repository_of(const ImageRow& row, const ListFlags&) {
    return row.repository;
}
Value tag_of(const ImageRow& row, const ListFlags&) {
    return row.tag;
}
Value id_of(const ImageRow& row, const ListFlags&) {
    return row.id;
}
Value size_of(const ImageRow& row, const ListFlags&) {
    return row.size;
}
constexpr Field<ImageRow> kImageFields[] = {
    {"ContainerName", "CONTAINER", container_of},
    {"Repository", "REPOSITORY", repository_of},
    {"Tag", "TAG", tag_of},
    {"ID", "IMAGE ID", id_of},
    {"Size", "SIZE", size_of},
};

int run_images(Context& context, const Invocation& in) {
    ProjectScope scope(context, in);
    const std::vector<store::ImageRecord> images = store::ImageStore(context.store()).list();
    const std::vector<std::string> services = scope.sort(in.arguments()).services;
    std::vector<ImageRow> rows;
    std::set<std::string> seen;
    for (const Deployed& each : scope.deployed()) {
        const bool wanted = services.empty() || std::find(services.begin(), services.end(),
                                                          each.service) != services.end();
        if (!wanted || each.number == 0) continue;
        const bool is_known = !seen.insert(each.image_id).second;
        if (is_known && in.toggle("quiet")) continue;  // an id is listed once
        ImageRow row{each.name, "<none>", "<none>", each.image_id, ""};
        for (const store::ImageRecord& image : images) {
            if (image.id.str() != each.image_id) continue;
            row.size = base::format_size(image.size_bytes);
            if (!image.reference) continue;
            const std::string name = image.reference->familiar();
            const size_t colon = name.rfind(':');
            row.repository = name.substr(0, colon);
            row.tag = colon == std::string::npos ? "" : name.substr(colon + 1);
            break;
        }
        const size_t colon = row.id.find(':');
        row.id = row.id.substr(colon == std::string::npos ? 0 : colon + 1).substr(0, 12);
        rows.push_back(std::move(row));
    }
    const std::vector<std::string_view> columns{"ContainerName", "Repository", "Tag", "ID", "Size"};
    context.out.write(
        render_listing<ImageRow>({kImageFields, columns, "ID"}, rows, list_flags(in)));
    return 0;
}

using project::ProjectSummary;
Value name_of(const ProjectSummary& row, const ListFlags&) {
    return row.name;
}
Value status_of(const ProjectSummary& row, const ListFlags&) {
    const std::uint32_t ended = row.containers - row.running;
    std::string text;
    if (ended > 0) text = "exited(" + std::to_string(ended) + ")";
    if (row.running > 0) {
        text += (text.empty() ? "" : ", ") + std::string("running(") + std::to_string(row.running) +
                ")";
    }
    return text;
}
Value files_of(const ProjectSummary& row, const ListFlags&) {
    return row.files;
}
constexpr Field<ProjectSummary> kProjectFields[] = {
    {"Name", "NAME", name_of},
    {"Status", "STATUS", status_of},
    {"ConfigFiles", "CONFIG FILES", files_of},
};

int run_ls(Context& context, const Invocation& in) {
    std::vector<ProjectSummary> rows = project::list_projects(context.store());
    if (!in.toggle("all")) {
        std::erase_if(rows, [](const ProjectSummary& row) { return row.running == 0; });
    }
    const Filters filters = Filters::parse(in.list("filter"), {"name"});
    std::erase_if(
        rows, [&](const ProjectSummary& row) { return !filters.matches_regex("name", row.name); });
    const std::vector<std::string_view> columns{"Name", "Status", "ConfigFiles"};
    context.out.write(
        render_listing<ProjectSummary>({kProjectFields, columns, "Name"}, rows, list_flags(in)));
    return 0;
}

}  // namespace

constinit const Command kComposeRmCommand = {
    .names = "compose rm",
    .arguments = "[SERVICE...]",
    .summary = "Remove the project's containers that have ended",
    .flags = kRmFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_rm,
    .completes = Completes::services,
};
constinit const Command kComposePullCommand = {
    .names = "compose pull",
    .arguments = "[SERVICE...]",
    .summary = "Fetch the images of the project's services",
    .flags = kPullFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_pull,
    .completes = Completes::services,
};
constinit const Command kComposeImagesCommand = {
    .names = "compose images",
    .arguments = "[SERVICE...]",
    .summary = "List the images of the project's containers",
    .flags = kListFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_images,
    .completes = Completes::services,
};
constinit const Command kComposeLsCommand = {
    .names = "compose ls",
    .arguments = "",
    .summary = "List projects that have containers",
    .flags = kLsFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run_ls,
};

}  // namespace sandbox::cli
