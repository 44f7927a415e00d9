// Every form of output is one template, rendered once per object: the default table is
// "table {{.A}}\t{{.B}}", --quiet is "{{.ID}}", --format json is "{{json .}}". A table's heading is
// the same template rendered over the columns' titles.
#include "listing.hpp"

#include <algorithm>
#include <optional>

#include "inspect_nil.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "template.hpp"

namespace sandbox::cli {
namespace {

using base::json::Object;
using base::json::Value;

constexpr std::string_view kTable = "table";

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
    for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
    return text;
}

struct Format {
    bool table = false;
    std::string text;
};

std::string default_columns(const ListingView& view) {
    std::vector<std::string> cells;
    for (const std::string_view column : view.columns) {
        cells.push_back("{{." + std::string(column) + "}}");
    }
    return base::join(cells, "\t");
}

Format make_format(const ListingView& view, const ListFlags& flags) {
    const std::string format(base::trim(flags.format));
    const bool is_table = format.compare(0, kTable.size(), kTable) == 0;
    if (format.empty() || format == kTable) {
        if (flags.quiet) return {false, "{{." + std::string(view.quiet_field) + "}}"};
        return {true, default_columns(view)};
    }
    if (format == "json") return {false, "{{json .}}"};
    // A shell's single quotes keep \t and \n as two characters.
    std::string text(is_table ? base::trim(std::string_view(format).substr(kTable.size()))
                              : std::string_view(format));
    text = replace_all(replace_all(std::move(text), "\\t", "\t"), "\\n", "\n");
    return {is_table, std::move(text)};
}

// Which fields a row must carry: those that the template names, or all that belong to JSON. Sorted
// by name, as Go writes maps.
std::vector<size_t> choose_fields(const ListingView& view, const Template& form) {
    std::vector<size_t> chosen;
    for (size_t i = 0; i < view.fields.size(); ++i) {
        const auto& used = form.fields_used();
        const bool wanted =
            used ? used->count(std::string(view.fields[i].name)) > 0 : view.fields[i].in_json;
        if (wanted) chosen.push_back(i);
    }
    std::sort(chosen.begin(), chosen.end(),
              [&](size_t a, size_t b) { return view.fields[a].name < view.fields[b].name; });
    return chosen;
}

// An unknown field fails at once, not only when there is a first row.
void check_fields(const ListingView& view, const Template& form) {
    if (!form.fields_used()) return;
    std::vector<std::string> known;
    for (const auto& field : view.fields) known.emplace_back(field.name);
    for (const std::string& name : *form.fields_used()) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        const auto nearest = base::try_nearest(name, known);
        throw base::UsageError(
            "template: no field " + base::quote(name) + " to show",
            nearest ? "did you mean ." + *nearest + "?" : "fields are: " + base::join(known, ", "));
    }
}

// `.Label "com.example.some-name"` is titled "some name".
std::string argument_title(const Value& argument) {
    const std::string* text = argument.as_string();
    if (text == nullptr) return {};
    const std::string last = text->substr(text->rfind('.') + 1);
    return replace_all(replace_all(last, "-", " "), "_", " ");
}

std::string render_heading(const ListingView& view, const Template& form) {
    Object titles;
    for (const auto& field : view.fields) titles.append(std::string(field.name), field.header);
    RenderOptions options;
    options.heading = true;
    options.call = [](std::string_view, const std::vector<Value>& arguments) {
        return std::optional<Value>(argument_title(arguments[0]));
    };
    return form.render(Value(std::move(titles)), options);
}

// A blank for what would begin a new cell or line of the table.
Value in_one_cell(Value value) {
    const std::string* text = value.as_string();
    if (text == nullptr || text->find_first_of("\t\n\v\f\r") == text->npos) return value;
    std::string cell = *text;
    std::replace_if(
        cell.begin(), cell.end(), [](char c) { return c >= '\t' && c <= '\r'; }, ' ');
    return Value(std::move(cell));
}

std::string render_row(const ListingView& view, const Template& form,
                       const std::vector<size_t>& fields, size_t row, bool in_table) {
    Object object;
    for (const size_t field : fields) {
        Value value = view.get(row, field);
        object.append(std::string(view.fields[field].name),
                      in_table ? in_one_cell(std::move(value)) : std::move(value));
    }
    const Value data(std::move(object));
    RenderOptions options;
    options.call = [&](std::string_view name,
                       const std::vector<Value>& arguments) -> std::optional<Value> {
        const Object* members = data[name].as_object();
        const std::string* key = arguments.size() == 1 ? arguments[0].as_string() : nullptr;
        if (members == nullptr || key == nullptr) return std::nullopt;
        const Value* member = members->find(*key);
        return member != nullptr ? *member : Value("");
    };
    return form.render(data, options);
}

bool sorts_before(const Value& a, const Value& b) {
    if (a.try_i64() && b.try_i64()) return *a.try_i64() < *b.try_i64();
    if (a.is_number() && b.is_number()) return *a.try_double() < *b.try_double();
    const std::string* left = a.as_string();
    const std::string* right = b.as_string();
    if (left != nullptr && right != nullptr) return *left < *right;
    return a.data().index() < b.data().index();
}

std::vector<size_t> order_rows(const ListingView& view, const ListFlags& flags) {
    std::vector<size_t> order(view.rows);
    std::iota(order.begin(), order.end(), size_t{0});
    if (flags.sort.empty()) return order;
    const std::string wanted = base::to_lower(flags.sort);
    const auto found = std::find_if(view.fields.begin(), view.fields.end(), [&](const auto& f) {
        return base::to_lower(f.name) == wanted;
    });
    if (found == view.fields.end()) {
        std::vector<std::string> known;
        for (const auto& field : view.fields) known.push_back(base::to_lower(field.name));
        throw base::UsageError("cannot sort by " + base::quote(flags.sort),
                               "choose one of " + base::join(known, ", "));
    }
    const auto field = static_cast<size_t>(found - view.fields.begin());
    std::vector<Value> keys;
    keys.reserve(view.rows);
    for (size_t row = 0; row < view.rows; ++row) keys.push_back(view.sort_key(row, field));
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return sorts_before(keys[a], keys[b]); });
    return order;
}

size_t width_of(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

}  // namespace

std::string render_listing_view(const ListingView& view, const ListFlags& flags) {
    const Format format = make_format(view, flags);
    const Template form = Template::parse(format.text);
    check_fields(view, form);
    const std::vector<size_t> fields = choose_fields(view, form);
    std::string text;
    if (format.table && !flags.no_heading) text.append(render_heading(view, form)).append("\n");
    for (const size_t row : order_rows(view, flags)) {
        text.append(render_row(view, form, fields, row, format.table)).append("\n");
    }
    return format.table ? align_columns(text) : text;
}

// As text/tabwriter: a column is a run of neighbouring lines that have a cell there which a tab
// ends; its width is that of its widest cell.
std::string align_columns(std::string_view text) {
    constexpr size_t kLeastWidth = 10;
    constexpr size_t kPadding = 3;
    if (text.empty()) return {};
    if (text.back() == '\n') text.remove_suffix(1);
    std::vector<std::vector<std::string>> lines;
    for (const std::string& line : base::split(text, '\n')) {
        lines.push_back(base::split(line, '\t'));
    }
    const auto has_column = [&](size_t line, size_t column) {
        return line < lines.size() && column + 1 < lines[line].size();
    };
    std::vector<size_t> widths;  // of the present run of each column
    std::string result;
    for (size_t line = 0; line < lines.size(); ++line) {
        widths.resize(std::max(widths.size(), lines[line].size()));
        for (size_t column = 0; column < lines[line].size(); ++column) {
            const std::string& cell = lines[line][column];
            result.append(cell);
            if (!has_column(line, column)) continue;
            if (line == 0 || !has_column(line - 1, column)) {
                widths[column] = kLeastWidth;
                for (size_t other = line; has_column(other, column); ++other) {
                    widths[column] =
                        std::max(widths[column], width_of(lines[other][column]) + kPadding);
                }
            }
            result.append(widths[column] - width_of(cell), ' ');
        }
        result.push_back('\n');
    }
    return result;
}

std::string render_inspect(const std::vector<Value>& objects, std::string_view format) {
    constexpr int kIndent = 4;
    const std::string_view trimmed = base::trim(format);
    if (trimmed.empty() || trimmed == "json") {
        const Value all{base::json::Array(objects)};
        return base::json::dump(all, trimmed.empty() ? kIndent : 0).append("\n");
    }
    const Template form = Template::parse(format);
    RenderOptions options;
    options.nil_text = nil_text;
    std::string text;
    for (const Value& object : objects) text.append(form.render(object, options)).append("\n");
    return text;
}

}  // namespace sandbox::cli
