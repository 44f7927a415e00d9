#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/listing_flags.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/pull.hpp"
#include "sandbox/store/layer_store.hpp"

namespace sandbox::cli {
namespace {

using base::json::Value;

constexpr Flag kFlags[] = {
    kFormatFlag,
    {"-H,--human", FlagKind::toggle, "", "sizes and ages for people (the default)"},
    kNoTruncFlag,
    kQuietFlag,
};
constexpr size_t kShownText = 45;

struct HistoryRow {
    std::string id;  // hex; empty: <missing>
    std::int64_t created = 0;
    std::string created_text;
    std::string created_by;
    std::string comment;
    std::uint64_t size_bytes = 0;
    bool human = true;
};

Value id(const HistoryRow& row, const ListFlags& flags) {
    if (row.id.empty()) return "<missing>";
    return flags.no_trunc ? "sha256:" + row.id : row.id.substr(0, 12);
}
Value created_at(const HistoryRow& row, const ListFlags&) {
    return row.created_text;
}
Value created_since(const HistoryRow& row, const ListFlags&) {
    return row.human ? since(row.created) : row.created_text;
}
Value created_by(const HistoryRow& row, const ListFlags& flags) {
    return flags.no_trunc ? row.created_by : shortened(row.created_by, kShownText);
}
Value size(const HistoryRow& row, const ListFlags&) {
    return row.human ? base::format_size(row.size_bytes) : std::to_string(row.size_bytes);
}
Value comment(const HistoryRow& row, const ListFlags&) {
    return row.comment;
}

constexpr Field<HistoryRow> kFields[] = {
    {"ID", "IMAGE", id},
    {"Created", "CREATED", created_since},
    {"CreatedSince", "CREATED", created_since},
    {"CreatedAt", "CREATED AT", created_at},
    {"CreatedBy", "CREATED BY", created_by},
    {"Size", "SIZE", size},
    {"Comment", "COMMENT", comment},
};

std::uint64_t layer_bytes(const store::Store& store, const oci::ChainId& chain) {
    const store::LayerStore layers(store);
    for (const store::LayerMode mode : {store::LayerMode::range, store::LayerMode::single}) {
        if (const auto meta = layers.try_load(chain, mode)) return meta->unpacked_bytes;
    }
    return 0;
}

std::vector<HistoryRow> make_rows(const store::Store& store, const store::ImageRecord& record,
                                  bool human) {
    const oci::ImageConfig config = image::load_config(store, record);
    std::vector<HistoryRow> rows;
    size_t layer = 0;
    for (const oci::HistoryEntry& entry : config.history) {
        HistoryRow row;
        row.created_text = entry.created;
        if (const auto time = base::try_parse_rfc3339(entry.created)) {
            row.created = time->seconds;
            row.created_text = base::format_rfc3339(time->seconds);  // as docker: no fractions
        }
        row.created_by = entry.created_by;
        row.comment = entry.comment;
        row.human = human;
        if (!entry.empty_layer && layer < record.chains.size()) {
            row.size_bytes = layer_bytes(store, record.chains[layer++]);
        }
        rows.insert(rows.begin(), std::move(row));
    }
    // An image without any history still has its layers.
    while (layer < record.chains.size()) {
        HistoryRow row;
        row.human = human;
        row.size_bytes = layer_bytes(store, record.chains[layer++]);
        rows.insert(rows.begin(), std::move(row));
    }
    if (!rows.empty()) rows.front().id = record.id.hex();
    return rows;
}

int run(Context& context, const Invocation& in) {
    const store::ImageRecord record = store::ImageStore(context.store()).find(in.arguments()[0]);
    const std::vector<HistoryRow> rows =
        make_rows(context.store(), record, in.toggle("human", true));
    context.out.write(render_listing<HistoryRow>(
        {kFields, {"ID", "CreatedSince", "CreatedBy", "Size", "Comment"}, "ID"}, rows,
        list_flags(in)));
    return 0;
}

}  // namespace

constinit const Command kHistoryCommand = {
    .names = "history,image history",
    .arguments = "IMAGE",
    .summary = "Show how an image was made",
    .flags = kFlags,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run,
    .completes = Completes::images,
};

}  // namespace sandbox::cli
