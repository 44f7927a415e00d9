// The tables of keys: one row a key, with its kind, its meaning in words and the function that
// reads it. The parser, the JSON schema, the man page's list and the "did you mean" all come from
// these rows, so they cannot disagree.
#pragma once

#include <array>
#include <iterator>
#include <span>
#include <string>
#include <string_view>

#include "document.hpp"
#include "reader.hpp"

namespace sandbox::project {

enum class Kind {
    text,
    boolean,
    integer,
    number,
    scalar,         // text, whole number or number
    size,           // "64m" or bytes
    duration,       // "1m30s" or seconds
    words,          // list of texts
    text_or_words,  // one text stands for a list of one
    command,        // words, or one line that is split as a shell would
    pairs,          // table NAME = scalar, or list of "NAME=value"
    hosts,          // the same, or NAME = list of texts
    ports,          // list of numbers, texts or tables
    entries,        // list of texts or tables (`nested`)
    table,          // a table with `nested` keys
    names,          // list of names, or table NAME = table with `nested` keys
    text_or_table,  // a text, or a table with `nested` keys
    tables,         // table NAME = table with `nested` keys
    choice,         // one of `choices`
};

struct KeyTable;

struct KeyInfo {
    std::string_view name;
    Kind kind;
    std::string_view doc;           // one sentence
    std::string_view choices = {};  // "a|b|c"
    const KeyTable& (*nested)() = nullptr;
};

// What schema and manual see of a table.
struct KeyTable {
    std::string_view title;  // "services.NAME"
    std::string_view doc;
    std::span<const KeyInfo* const> keys;
};

template <typename T>
struct Key : KeyInfo {
    void (*read)(Reader& reader, const Node& node, T& into);
};

// The node's type must fit the kind, or it is an error at the node's place.
void check_kind(const Reader& reader, const KeyInfo& key, const Node& node);
[[noreturn]] void fail_unknown_key(const Reader& reader, const Member& member,
                                   std::string_view owner, std::span<const KeyInfo* const> known);

// `owner`: `service "db"`, for messages. Keys "x-…" are left alone, as in compose files.
template <typename T>
void read_keys(Reader& reader, const Node& node, std::string_view owner,
               std::span<const Key<T>> keys, std::span<const KeyInfo* const> infos, T& into) {
    for (const Member& member : reader.members(node, owner)) {
        const Key<T>* found = nullptr;
        for (const Key<T>& key : keys) {
            if (key.name == member.key) found = &key;
        }
        if (found == nullptr) {
            if (member.key.starts_with("x-")) continue;
            fail_unknown_key(reader, member, owner, infos);
        }
        if (member.node.is_null()) continue;  // YAML's "key:" with nothing behind it
        check_kind(reader, *found, member.node);
        found->read(reader, member.node, into);
    }
}

// The table of an array of rows with static storage, made once.
template <const auto& rows>
const KeyTable& table_of(std::string_view title, std::string_view doc) {
    static const auto kInfos = [] {
        std::array<const KeyInfo*, std::size(rows)> infos{};
        for (size_t i = 0; i < std::size(rows); ++i) infos[i] = &rows[i];
        return infos;
    }();
    static const KeyTable kTable{title, doc, std::span<const KeyInfo* const>(kInfos)};
    return kTable;
}
template <typename T, size_t N>
void read_table(Reader& reader, const Node& node, const std::string& owner, const Key<T> (&rows)[N],
                const KeyTable& table, T& into) {
    read_keys<T>(reader, node, owner, std::span<const Key<T>>(rows), table.keys, into);
}

// Which keys exist where: the roots of schema and manual.
[[nodiscard]] const KeyTable& profile_keys();
[[nodiscard]] const KeyTable& service_keys();
[[nodiscard]] const KeyTable& task_keys();

}  // namespace sandbox::project
