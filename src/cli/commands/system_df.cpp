#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/listing_flags.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/remove.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;
using image::UsageRow;

constexpr Flag kFlags[] = {
    kFormatFlag,
    {"-v,--verbose", FlagKind::toggle, "", "sizes in bytes"},
};

Value type(const UsageRow& row, const ListFlags&) {
    return row.type;
}
Value total(const UsageRow& row, const ListFlags&) {
    return std::to_string(row.total);
}
Value active(const UsageRow& row, const ListFlags&) {
    return std::to_string(row.active);
}
Value size(const UsageRow& row, const ListFlags& flags) {
    return flags.no_trunc ? std::to_string(row.size_bytes) : base::format_size(row.size_bytes);
}
Value reclaimable(const UsageRow& row, const ListFlags& flags) {
    if (flags.no_trunc) return std::to_string(row.reclaimable_bytes);
    std::string text = base::format_size(row.reclaimable_bytes);
    if (row.size_bytes > 0) {
        text += " (" + std::to_string(row.reclaimable_bytes * 100 / row.size_bytes) + "%)";
    }
    return text;
}
Value size_bytes(const UsageRow& row, const ListFlags&) {
    return row.size_bytes;
}
Value reclaimable_bytes(const UsageRow& row, const ListFlags&) {
    return row.reclaimable_bytes;
}

constexpr Field<UsageRow> kFields[] = {
    {"Type", "TYPE", type},          {"TotalCount", "TOTAL", total},
    {"Total", "TOTAL", total},       {"Active", "ACTIVE", active},
    {"Size", "SIZE", size},          {"Reclaimable", "RECLAIMABLE", reclaimable},
    {"RawSize", "SIZE", size_bytes}, {"RawReclaimable", "RECLAIMABLE", reclaimable_bytes},
};

int run(Context& context, const Invocation& in) {
    ListFlags flags = list_flags(in);
    flags.no_trunc = in.toggle("verbose");
    context.out.write(render_listing<UsageRow>(
        {kFields, {"Type", "Total", "Active", "Size", "Reclaimable"}, "Type"},
        image::disk_usage(context.store()), flags));
    return 0;
}

}  // namespace

constinit const Command kSystemDfCommand = {
    .names = "system df",
    .arguments = "",
    .summary = "Show what the store takes on the disk",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};

}  // namespace sandbox::cli
