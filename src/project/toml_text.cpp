#include "toml_text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace sandbox::project {
namespace {

constexpr size_t kMaxInline = 2;  // members of a table in one line
constexpr size_t kMaxWidth = 88;

bool is_scalar(const Node& node) {
    return node.table() == nullptr && node.list() == nullptr;
}

// TOML has no null: NAME without a value stands in a list.
bool wants_list(const Table& table) {
    const bool flat = std::all_of(table.begin(), table.end(),
                                  [](const Member& member) { return is_scalar(member.node); });
    const bool has_null = std::any_of(table.begin(), table.end(),
                                      [](const Member& member) { return member.node.is_null(); });
    return flat && has_null;
}

std::string scalar_text(const Node& node) {
    if (const auto* flag = std::get_if<bool>(&node.value)) return *flag ? "true" : "false";
    if (const auto* whole = std::get_if<std::int64_t>(&node.value)) return std::to_string(*whole);
    if (const auto* real = std::get_if<double>(&node.value)) {
        std::array<char, 64> buffer{};
        (void)std::snprintf(buffer.data(), buffer.size(), "%.15g", *real);
        std::string text = buffer.data();
        if (text.find_first_of(".e") == std::string::npos) text += ".0";
        return text;
    }
    return node.text() != nullptr ? *node.text() : std::string();
}

std::string inline_text(const Node& node);

std::string list_text(const std::vector<std::string>& items) {
    size_t width = 0;
    for (const std::string& item : items) width += item.size() + 2;
    std::string text = "[";
    const bool wide = width > kMaxWidth;
    for (const std::string& item : items) {
        if (wide) {
            text += "\n    " + item + ",";
        } else {
            text += (text.size() > 1 ? ", " : "") + item;
        }
    }
    return text + (wide ? "\n]" : "]");
}

std::string inline_table(const Table& table) {
    if (wants_list(table)) {
        std::vector<std::string> items;
        for (const Member& member : table) {
            items.push_back(toml_string(
                member.node.is_null() ? member.key : member.key + "=" + scalar_text(member.node)));
        }
        return list_text(items);
    }
    if (table.empty()) return "{}";
    std::string text = "{ ";
    for (const Member& member : table) {
        if (text.size() > 2) text += ", ";
        text += toml_key(member.key) + " = " + inline_text(member.node);
    }
    return text + " }";
}

std::string inline_text(const Node& node) {
    if (const Table* table = node.table()) return inline_table(*table);
    if (const List* list = node.list()) {
        std::vector<std::string> items;
        for (const Node& element : *list) items.push_back(inline_text(element));
        return list_text(items);
    }
    if (node.is_null()) return "{}";
    return node.text() != nullptr ? toml_string(*node.text()) : scalar_text(node);
}

// Under a heading of its own: a longer table of plain values.
bool wants_heading(const Node& node) {
    const Table* table = node.table();
    return table != nullptr && table->size() > kMaxInline && !wants_list(*table) &&
           std::all_of(table->begin(), table->end(),
                       [](const Member& member) { return member.node.table() == nullptr; });
}

void write_object(const std::string& path, const Table& table, std::string& out) {
    out += "\n[" + path + "]\n";
    for (const Member& member : table) {
        if (!wants_heading(member.node)) {
            out += toml_key(member.key) + " = " + inline_text(member.node) + "\n";
        }
    }
    for (const Member& member : table) {
        if (wants_heading(member.node)) {
            write_object(path + "." + toml_key(member.key), *member.node.table(), out);
        }
    }
}

}  // namespace

std::string toml_string(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            quoted += '\\';
            quoted += c;
        } else if (c == '\n') {
            quoted += "\\n";
        } else if (c == '\t') {
            quoted += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            std::array<char, 8> buffer{};
            (void)std::snprintf(buffer.data(), buffer.size(), "\\u%04X", unsigned{byte});
            quoted += buffer.data();
        } else {
            quoted += c;
        }
    }
    return quoted + "\"";
}

std::string toml_key(std::string_view key) {
    const bool bare =
        !key.empty() &&
        key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
            std::string_view::npos;
    return bare ? std::string(key) : toml_string(key);
}

std::string make_toml(const Node& root) {
    std::string out;
    const Table* table = root.table();
    if (table == nullptr) return out;
    for (const Member& member : *table) {
        if (is_scalar(member.node) && !member.node.is_null()) {
            out += toml_key(member.key) + " = " + inline_text(member.node) + "\n";
        }
    }
    for (const Member& group : *table) {
        const Table* objects = group.node.table();
        if (objects == nullptr) continue;
        for (const Member& object : *objects) {
            const std::string path = toml_key(group.key) + "." + toml_key(object.key);
            static const Table kNone;
            const Table* members = object.node.table();
            write_object(path, members == nullptr ? kNone : *members, out);
        }
    }
    return out.starts_with('\n') ? out.substr(1) : out;
}

}  // namespace sandbox::project
