// The only user of toml++. It keeps tables sorted by key; the order of the source is found again
// through the positions that it notes.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_ENABLE_WINDOWS_COMPAT 0
#define TOML_UNDEF_MACROS 1
#include "sandbox/base/toml.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::base::toml {
namespace {

Position position_of(const ::toml::source_region& region) {
    return {region.begin.line, region.begin.column};
}

// ISO 8601 by hand: the library prints through iostreams.
std::string text_of(const ::toml::date& date) {
    std::array<char, 32> buffer{};
    (void)std::snprintf(buffer.data(), buffer.size(), "%04u-%02u-%02u", unsigned{date.year},
                        unsigned{date.month}, unsigned{date.day});
    return buffer.data();
}

std::string text_of(const ::toml::time& time) {
    std::array<char, 48> buffer{};
    (void)std::snprintf(buffer.data(), buffer.size(), "%02u:%02u:%02u", unsigned{time.hour},
                        unsigned{time.minute}, unsigned{time.second});
    std::string text(buffer.data());
    if (time.nanosecond > 0) {
        std::string digits = std::to_string(time.nanosecond);
        digits.insert(0, 9 - std::min<size_t>(9, digits.size()), '0');
        digits.erase(digits.find_last_not_of('0') + 1);
        text.append(".").append(digits);
    }
    return text;
}

std::string text_of(const ::toml::date_time& when) {
    std::string text = text_of(when.date).append("T").append(text_of(when.time));
    if (!when.offset) return text;
    const int minutes = when.offset->minutes;
    if (minutes == 0) return text.append("Z");
    std::array<char, 16> buffer{};
    (void)std::snprintf(buffer.data(), buffer.size(), "%c%02d:%02d", minutes < 0 ? '-' : '+',
                        std::abs(minutes) / 60, std::abs(minutes) % 60);
    return text.append(buffer.data());
}

Node convert(const ::toml::node& source);

Table convert_table(const ::toml::table& source) {
    Table table;
    table.reserve(source.size());
    for (const auto& [key, node] : source) {
        table.push_back(Member{std::string(key.str()), position_of(key.source()), convert(node)});
    }
    std::stable_sort(table.begin(), table.end(), [](const Member& a, const Member& b) {
        return std::tie(a.key_at.line, a.key_at.column) < std::tie(b.key_at.line, b.key_at.column);
    });
    return table;
}

Array convert_array(const ::toml::array& source) {
    Array array;
    array.reserve(source.size());
    for (const ::toml::node& element : source) array.push_back(convert(element));
    return array;
}

// Depth is bounded by the library's own limit on nesting (256).
Node convert(const ::toml::node& source) {
    Node node;
    node.at = position_of(source.source());
    source.visit([&node](const auto& typed) {
        using Typed = std::decay_t<decltype(typed)>;
        if constexpr (std::is_same_v<Typed, ::toml::table>) {
            node.value = convert_table(typed);
        } else if constexpr (std::is_same_v<Typed, ::toml::array>) {
            node.value = convert_array(typed);
        } else {
            using Scalar = std::decay_t<decltype(typed.get())>;
            if constexpr (std::is_same_v<Scalar, ::toml::date> ||
                          std::is_same_v<Scalar, ::toml::time> ||
                          std::is_same_v<Scalar, ::toml::date_time>) {
                node.value = text_of(typed.get());
            } else {
                node.value = typed.get();
            }
        }
    });
    return node;
}

}  // namespace

const Node* Node::find(std::string_view key) const noexcept {
    const Table* table = std::get_if<Table>(&value);
    if (table == nullptr) return nullptr;
    for (const Member& member : *table) {
        if (member.key == key) return &member.node;
    }
    return nullptr;
}

std::string_view Node::type_name() const noexcept {
    constexpr std::array<std::string_view, 7> kNames{"nothing", "boolean", "integer", "float",
                                                     "string",  "array",   "table"};
    return kNames[value.index()];
}

Node parse(std::string_view text, const std::string& file_name) {
    const ::toml::parse_result result = ::toml::parse(text, file_name);
    if (!result) {
        const ::toml::parse_error& error = result.error();
        const Position at = position_of(error.source());
        throw UsageError(file_name + ":" + std::to_string(at.line) + ":" +
                         std::to_string(at.column) + ": " + escape_control(error.description()));
    }
    Node root = convert(result.table());
    root.at = {1, 1};
    return root;
}

}  // namespace sandbox::base::toml
