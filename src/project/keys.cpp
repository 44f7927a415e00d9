#include "keys.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/base/strings.hpp"

namespace sandbox::project {
namespace {

bool fits(Kind kind, const Node& node) {
    const bool text = node.text() != nullptr;
    const bool whole = std::holds_alternative<std::int64_t>(node.value);
    const bool real = std::holds_alternative<double>(node.value);
    const bool flag = std::holds_alternative<bool>(node.value);
    const bool list = node.list() != nullptr;
    const bool table = node.table() != nullptr;
    switch (kind) {
        case Kind::text:
            return text;
        case Kind::boolean:
            return flag || text;
        case Kind::integer:
        case Kind::size:
        case Kind::duration:
            return whole || text;
        case Kind::number:
        case Kind::scalar:
            return whole || real || text;
        case Kind::choice:
            return text || flag || whole;
        case Kind::words:
        case Kind::ports:
        case Kind::entries:
            return list;
        case Kind::text_or_words:
        case Kind::command:
            return text || list;
        case Kind::pairs:
        case Kind::hosts:
        case Kind::names:
            return list || table;
        case Kind::table:
        case Kind::tables:
            return table;
        case Kind::text_or_table:
            return text || table;
    }
    return false;
}

std::string_view words_for(Kind kind) {
    switch (kind) {
        case Kind::text:
        case Kind::choice:
            return "text";
        case Kind::boolean:
            return "true or false";
        case Kind::integer:
            return "a whole number";
        case Kind::number:
            return "a number";
        case Kind::scalar:
            return "text or a number";
        case Kind::size:
            return "a size like \"64m\"";
        case Kind::duration:
            return "a duration like \"30s\"";
        case Kind::words:
            return "a list of texts";
        case Kind::text_or_words:
        case Kind::command:
            return "text or a list of texts";
        case Kind::pairs:
        case Kind::hosts:
            return "a table or a list of \"NAME=value\"";
        case Kind::ports:
            return "a list of ports";
        case Kind::entries:
            return "a list";
        case Kind::table:
        case Kind::tables:
            return "a table";
        case Kind::names:
            return "a list of names or a table";
        case Kind::text_or_table:
            return "text or a table";
    }
    return "something else";
}

// What the flags of `run` and other tools call it.
constexpr std::pair<std::string_view, std::string_view> kOtherWords[] = {
    {"args", "command"},       {"cmd", "command"},     {"cwd", "working_dir"},
    {"depends", "depends_on"}, {"dir", "working_dir"}, {"env", "environment"},
    {"mounts", "volumes"},     {"publish", "ports"},   {"workdir", "working_dir"},
};

std::optional<std::string> try_meant(const std::string& word,
                                     const std::vector<std::string>& names) {
    for (const auto& [other, name] : kOtherWords) {
        if (other == word && std::find(names.begin(), names.end(), name) != names.end()) {
            return std::string(name);
        }
    }
    return base::try_nearest(word, names);
}

}  // namespace

void check_kind(const Reader& reader, const KeyInfo& key, const Node& node) {
    if (fits(key.kind, node)) return;
    reader.fail(node.at, base::quote(key.name) + ": expected " + std::string(words_for(key.kind)) +
                             ", found " + std::string(node.type_name()));
}

void fail_unknown_key(const Reader& reader, const Member& member, std::string_view owner,
                      std::span<const KeyInfo* const> known) {
    std::vector<std::string> names;
    names.reserve(known.size());
    for (const KeyInfo* key : known) names.emplace_back(key->name);
    const auto nearest = try_meant(member.key, names);
    std::string hint;
    if (nearest) {
        hint = "did you mean " + base::quote(*nearest) + "?";
    } else if (names.size() <= 12) {
        hint = "known are " + base::join(names, ", ");
    } else {
        hint = "see sandbox-profile(5)";
    }
    reader.fail(member.key_at,
                "unknown key " + base::quote(member.key) + " in " + std::string(owner),
                std::move(hint));
}

}  // namespace sandbox::project
