#include <algorithm>

#include "cli/commands.hpp"
#include "cli/container_filter.hpp"
#include "cli/context.hpp"
#include "cli/listing_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;
using engine::ContainerRow;

constexpr Flag kFlags[] = {
    {"-a,--all", FlagKind::toggle, "", "those that have ended too"},
    kFilterFlag,
    kFormatFlag,
    {"-n,--last", FlagKind::value, "N", "the N that were made last, in any state"},
    {"-l,--latest", FlagKind::toggle, "", "the one that was made last, in any state"},
    kNoTruncFlag,
    {"--noheading", FlagKind::toggle, "", "no line of headings"},
    kQuietFlag,
    kSortFlag,
};
constexpr RefusedFlag kRefused[] = {
    {"-s,--size", "use `sandbox system df`"},
};
constexpr size_t kShownCommand = 20;

Value id(const ContainerRow& row, const ListFlags& flags) {
    return flags.no_trunc ? row.id : row.id.substr(0, 12);
}
Value names(const ContainerRow& row, const ListFlags&) {
    return row.name;
}
Value image(const ContainerRow& row, const ListFlags&) {
    return row.image;
}
Value image_id(const ContainerRow& row, const ListFlags& flags) {
    if (flags.no_trunc) return row.image_id;
    const size_t colon = row.image_id.find(':');
    return row.image_id.substr(colon == std::string::npos ? 0 : colon + 1).substr(0, 12);
}
Value command(const ContainerRow& row, const ListFlags& flags) {
    if (flags.no_trunc || row.command.size() <= kShownCommand) return "\"" + row.command + "\"";
    return "\"" + row.command.substr(0, kShownCommand - 3) + "...\"";
}
Value status(const ContainerRow& row, const ListFlags&) {
    return row.status;
}
Value state(const ContainerRow& row, const ListFlags&) {
    return row.state;
}
Value nothing(const ContainerRow&, const ListFlags&) {
    return "";
}
Value mounts(const ContainerRow& row, const ListFlags&) {
    return base::join(row.mounts, ",");
}
Value labels(const ContainerRow& row, const ListFlags&) {
    return labels_text(row.labels);
}
Value label(const ContainerRow& row, const ListFlags&) {
    return row.labels;
}
Value created_at(const ContainerRow& row, const ListFlags&) {
    return go_time(row.created);
}
Value running_for(const ContainerRow& row, const ListFlags&) {
    return since(row.created);
}
Value created_key(const ContainerRow& row) {
    return -row.created;
}
Value networks(const ContainerRow& row, const ListFlags&) {
    return network_of(row);
}

constexpr Field<ContainerRow> kFields[] = {
    {"ID", "CONTAINER ID", id},
    {"Names", "NAMES", names},
    {"Image", "IMAGE", image},
    {"ImageID", "IMAGE ID", image_id},
    {"Command", "COMMAND", command},
    {"Status", "STATUS", status},
    {"State", "STATE", state},
    {"Ports", "PORTS", nothing},
    {"Mounts", "MOUNTS", mounts},
    {"Labels", "LABELS", labels},
    {"Label", "LABEL", label, nullptr, false},
    {"CreatedAt", "CREATED AT", created_at, created_key},
    {"Created", "CREATED", running_for, created_key},
    {"CreatedSince", "CREATED", running_for, created_key},
    {"RunningFor", "CREATED", running_for, created_key},
    {"Size", "SIZE", nothing, nullptr, false},
    {"Networks", "NETWORKS", networks},
};

int run(Context& context, const Invocation& in) {
    const Filters filters = parse_container_filters(in.list("filter"));
    std::optional<std::uint64_t> last;
    if (const std::optional<std::string> text = in.try_value("last")) {
        last = base::try_parse_u64(*text);
        if (!last) throw base::UsageError("invalid argument " + base::quote(*text) + " for --last");
    }
    if (in.toggle("latest")) last = 1;
    std::vector<ContainerRow> rows = filter_containers(
        engine::list_containers(context.store()), filters, in.toggle("all") || last.has_value());
    std::stable_sort(rows.begin(), rows.end(), [](const ContainerRow& a, const ContainerRow& b) {
        return a.created > b.created;
    });
    if (last && rows.size() > *last) rows.resize(*last);
    context.out.write(render_listing<ContainerRow>(
        {kFields, {"ID", "Image", "Command", "CreatedSince", "Status", "Ports", "Names"}, "ID"},
        rows, list_flags(in)));
    return 0;
}

}  // namespace

constinit const Command kPsCommand = {
    .names = "ps,container ls,container list,container ps",
    .arguments = "",
    .summary = "List containers",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
    .refused = kRefused,
};

}  // namespace sandbox::cli
