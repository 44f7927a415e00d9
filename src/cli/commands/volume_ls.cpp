#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/documents.hpp"
#include "cli/filter.hpp"
#include "cli/listing_flags.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/volumes.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;

constexpr Flag kFlags[] = {
    kFilterFlag, kFormatFlag, kNoHeadingFlag, kQuietFlag, kSortFlag,
};

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

}  // namespace

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
