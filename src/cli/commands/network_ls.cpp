#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/filter.hpp"
#include "cli/listing_flags.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;

constexpr Flag kFlags[] = {
    kFilterFlag, kFormatFlag, kNoTruncFlag, kNoHeadingFlag, kQuietFlag, kSortFlag,
};

struct NetworkRow {
    store::NetworkRecord record;
    bool custom = true;
};

Value id(const NetworkRow& row, const ListFlags& flags) {
    constexpr size_t kShort = 12;
    return flags.no_trunc ? row.record.id : row.record.id.substr(0, kShort);
}
Value name(const NetworkRow& row, const ListFlags&) {
    return row.record.name;
}
Value driver(const NetworkRow& row, const ListFlags&) {
    return engine::network_driver(row.record);
}
Value scope(const NetworkRow&, const ListFlags&) {
    return "local";
}
Value ipv6(const NetworkRow& row, const ListFlags&) {
    return row.record.ipv6_names ? "true" : "false";
}
Value internal(const NetworkRow& row, const ListFlags&) {
    return row.record.internal ? "true" : "false";
}
Value labels(const NetworkRow& row, const ListFlags&) {
    return labels_text(row.record.labels);
}
Value label(const NetworkRow& row, const ListFlags&) {
    return row.record.labels;
}
Value created_at(const NetworkRow& row, const ListFlags&) {
    return go_time(row.record.created);
}
Value subnet(const NetworkRow& row, const ListFlags&) {
    return row.record.subnet;
}

constexpr Field<NetworkRow> kFields[] = {
    {"ID", "NETWORK ID", id},
    {"Name", "NAME", name},
    {"Driver", "DRIVER", driver},
    {"Scope", "SCOPE", scope},
    {"IPv6", "IPV6", ipv6},
    {"Internal", "INTERNAL", internal},
    {"Labels", "LABELS", labels},
    {"Label", "LABEL", label, nullptr, false},
    {"Subnet", "SUBNET", subnet, nullptr, false},
    {"CreatedAt", "CREATED AT", created_at},
};

int run(Context& context, const Invocation& in) {
    const store::Store& store = context.store();
    const Filters filters = Filters::parse(
        in.list("filter"), {"name", "id", "label", "driver", "scope", "type", "dangling"});
    const std::optional<bool> dangling = filters.try_bool("dangling");
    std::vector<NetworkRow> rows;
    for (store::NetworkRecord& record : store::NetworkStore(store).list()) {
        rows.push_back({std::move(record)});
    }
    for (const char* name : {"bridge", "host", "none"}) {
        rows.push_back({*engine::try_builtin_network(name), false});
    }
    std::erase_if(rows, [&](const NetworkRow& row) {
        if (dangling) {
            const bool unused = row.custom && engine::network_users(store, row.record.name).empty();
            if (unused != *dangling) return true;
        }
        return !filters.matches_regex("name", row.record.name) ||
               !filters.is_prefix("id", row.record.id) ||
               !filters.matches_labels(row.record.labels) ||
               !filters.is("driver", engine::network_driver(row.record)) ||
               !filters.is("scope", "local") ||
               !filters.is("type", row.custom ? "custom" : "builtin");
    });
    context.out.write(render_listing<NetworkRow>({kFields, {"ID", "Name", "Driver", "Scope"}}, rows,
                                                 list_flags(in)));
    return 0;
}

}  // namespace

constinit const Command kNetworkLsCommand = {
    .names = "network ls,network list",
    .arguments = "",
    .summary = "List networks",
    .flags = kFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run,
};

}  // namespace sandbox::cli
