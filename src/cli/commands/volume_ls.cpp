#include <set>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/documents.hpp"
#include "cli/filter.hpp"
#include "cli/listing_flags.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/volumes.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;

constexpr Flag kFlags[] = {
    kFilterFlag, kFormatFlag, kNoHeadingFlag, kQuietFlag, kSortFlag,
};

constexpr Flag kComposeFlags[] = {kFormatFlag, kQuietFlag};

struct VolumeRow {
    store::VolumeRecord record;
    std::string mountpoint;
};

Value name(const VolumeRow& row, const ListFlags&) {
    return row.record.name;
}
Value driver(const VolumeRow&, const ListFlags&) {
    return "local";
}
Value mountpoint(const VolumeRow& row, const ListFlags&) {
    return row.mountpoint;
}
Value labels(const VolumeRow& row, const ListFlags&) {
    return labels_text(row.record.labels);
}
Value label(const VolumeRow& row, const ListFlags&) {
    return row.record.labels;
}
Value options(const VolumeRow& row, const ListFlags&) {
    return row.record.options;
}
Value created_at(const VolumeRow& row, const ListFlags&) {
    return go_time(row.record.created);
}

constexpr Field<VolumeRow> kFields[] = {
    {"Name", "VOLUME NAME", name},
    {"Driver", "DRIVER", driver},
    {"Mountpoint", "MOUNTPOINT", mountpoint},
    {"Labels", "LABELS", labels},
    {"Label", "LABEL", label, nullptr, false},
    {"Options", "OPTIONS", options},
    {"Scope", "SCOPE", driver},
    {"CreatedAt", "CREATED AT", created_at},
};

int run(Context& context, const Invocation& in) {
    const store::Store& store = context.store();
    const Filters filters =
        Filters::parse(in.list("filter"), {"name", "label", "dangling", "driver", "scope"});
    const std::optional<bool> dangling = filters.try_bool("dangling");
    std::vector<VolumeRow> rows;
    for (store::VolumeRecord& record : store::VolumeStore(store).list()) {
        if (!filters.matches_regex("name", record.name)) continue;
        if (!filters.matches_labels(record.labels)) continue;
        if (!filters.is("driver", "local") || !filters.is("scope", "local")) continue;
        // Only here are the users looked for: that reads every container.
        if (dangling && *dangling != engine::users_of_volume(store, record.name).empty()) continue;
        std::string path = store::VolumeStore(store).data_path(record.name);
        rows.push_back({std::move(record), std::move(path)});
    }
    context.out.write(
        render_listing<VolumeRow>({kFields, {"Driver", "Name"}, "Name"}, rows, list_flags(in)));
    return 0;
}

// By label, as `down --volumes` without a profile finds them; of services, what they name.
int run_compose(Context& context, const Invocation& in) {
    ProjectScope scope(context, in);
    std::set<std::string> named;
    for (const std::string& service : scope.sort(in.arguments()).services) {
        const project::Project& project = scope.project();
        for (const std::string& use : project.find_service(service)->volume_uses) {
            named.insert(project.scoped_name(*project.find_volume(use)));
        }
    }
    const store::VolumeStore volumes(context.store());
    std::vector<VolumeRow> rows;
    for (store::VolumeRecord& record : volumes.list()) {
        const auto label = record.labels.find(project::label::kProject);
        if (label == record.labels.end() || label->second != scope.name()) continue;
        if (!in.arguments().empty() && named.count(record.name) == 0) continue;
        std::string path = volumes.data_path(record.name);
        rows.push_back({std::move(record), std::move(path)});
    }
    context.out.write(
        render_listing<VolumeRow>({kFields, {"Driver", "Name"}, "Name"}, rows, list_flags(in)));
    return 0;
}

}  // namespace

constinit const Command kComposeVolumesCommand = {
    .names = "compose volumes",
    .arguments = "[SERVICE...]",
    .summary = "List the project's volumes",
    .flags = kComposeFlags,
    .min_arguments = 0,
    .max_arguments = -1,
    .run = run_compose,
    .completes = Completes::services,
};
constinit const Command kVolumeLsCommand = {
    .names = "volume ls,volume list",
    .arguments = "",
    .summary = "List volumes",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};

}  // namespace sandbox::cli
