// Listings (images, ps, volume ls …) from one table of fields per kind of object: the default
// table, --format json, --format '{{…}}', --format 'table {{…}}', --quiet, --noheading, --sort.
//
//   constexpr std::array<Field<ImageRow>, 2> kFields{{
//       {"ID", "IMAGE ID", [](const ImageRow& r, const ListFlags& f) -> Value {
//            return f.no_trunc ? r.digest.str() : r.digest.short_hex(); }},
//       {"Size", "SIZE", [](const ImageRow& r, const ListFlags&) -> Value {
//            return base::format_size(r.bytes); },
//        [](const ImageRow& r) -> Value { return r.bytes; }},
//   }};
//   std::string text = render_listing<ImageRow>({kFields, {"ID", "Size"}, "ID"}, rows, flags);
#pragma once

#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/json.hpp"

namespace sandbox::cli {

// What the user asked for.
struct ListFlags {
    std::string format;  // "", "table", "json", "table {{…}}" or "{{…}}"
    bool no_trunc = false;
    bool quiet = false;  // the identifying field alone; a template of the user goes before it
    bool no_heading = false;
    std::string sort;  // a field's name in any case; empty: the caller's order
};

template <typename T>
struct Field {
    std::string_view name;    // ".Name" in templates, the key in JSON
    std::string_view header;  // of its column
    base::json::Value (*get)(const T& object, const ListFlags& flags);
    // What --sort compares: numbers as numbers. Null: what get() answers.
    base::json::Value (*sort_key)(const T& object) = nullptr;
    // False for fields that need an argument (`.Label "key"`: get() answers an object, the argument
    // chooses the member, a missing one is "") or that cost much (`.Size` of a container).
    bool in_json = true;
};

template <typename T>
struct ListingSpec {
    std::span<const Field<T>> fields;
    std::vector<std::string_view> columns;  // of the default table, by field name
    std::string_view quiet_field = "ID";
};

// The same without the type of the object.
struct ListingView {
    struct Column {
        std::string_view name;
        std::string_view header;
        bool in_json = true;
    };
    std::vector<Column> fields;
    std::vector<std::string_view> columns;
    std::string_view quiet_field;
    size_t rows = 0;
    std::function<base::json::Value(size_t row, size_t field)> get;
    std::function<base::json::Value(size_t row, size_t field)> sort_key;
};
[[nodiscard]] std::string render_listing_view(const ListingView& view, const ListFlags& flags);

// Text for stdout, newlines included. Throws UsageError for a bad template or sort field.
template <typename T>
std::string render_listing(const ListingSpec<T>& spec, const std::vector<T>& objects,
                           const ListFlags& flags) {
    ListingView view;
    for (const Field<T>& field : spec.fields) {
        view.fields.push_back({field.name, field.header, field.in_json});
    }
    view.columns = spec.columns;
    view.quiet_field = spec.quiet_field;
    view.rows = objects.size();
    view.get = [&](size_t row, size_t field) {
        return spec.fields[field].get(objects[row], flags);
    };
    view.sort_key = [&](size_t row, size_t field) {
        const Field<T>& f = spec.fields[field];
        return f.sort_key != nullptr ? f.sort_key(objects[row]) : f.get(objects[row], flags);
    };
    return render_listing_view(view, flags);
}

// Aligns tab-separated cells as docker does: columns at least 10 wide, 3 spaces between, the last
// cell of a line unpadded. `text` is whole lines.
[[nodiscard]] std::string align_columns(std::string_view text);

// `inspect`: a pretty array of all objects (4 spaces), or the template once per object, each with
// a newline. format "json": one compact array.
[[nodiscard]] std::string render_inspect(const std::vector<base::json::Value>& objects,
                                         std::string_view format);

}  // namespace sandbox::cli
