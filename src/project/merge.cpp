#include "merge.hpp"

#include <algorithm>
#include <utility>

#include "sandbox/base/strings.hpp"
#include "service_values.hpp"

namespace sandbox::project {
namespace {

const KeyInfo* find_key(const KeyTable& table, std::string_view name) {
    for (const KeyInfo* key : table.keys) {
        if (key->name == name) return key;
    }
    return nullptr;
}

// "NAME=value" → NAME = value; "NAME" → NAME without a value; names → NAME = {}.
Table as_table(Node&& node) {
    if (Table* table = node.table()) return std::move(*table);
    Table result;
    const List* list = node.list();
    if (list == nullptr) return result;
    for (const Node& element : *list) {
        const std::string* text = element.text();
        if (text == nullptr) continue;
        const size_t split = text->find('=');
        Node value{std::monostate(), element.at};
        if (split != std::string::npos) value.value = text->substr(split + 1);
        result.push_back({text->substr(0, split), element.at, std::move(value)});
    }
    return result;
}

// extra_hosts may be "NAME:ADDRESS": kept as a list then.
bool is_pair_list(const Node& node) {
    const List* list = node.list();
    return list == nullptr || std::all_of(list->begin(), list->end(), [](const Node& element) {
               const std::string* text = element.text();
               return text != nullptr &&
                      (text->find(':') == std::string::npos || text->find('=') < text->find(':'));
           });
}

List as_list(Node&& node) {
    if (std::holds_alternative<List>(node.value)) return std::get<List>(std::move(node.value));
    List result;
    if (!node.is_null()) result.push_back(std::move(node));
    return result;
}

// Where a mount goes to; empty: not a mount.
std::string target_of(const Node& node) {
    if (const Node* target = node.find("target")) {
        const std::string* text = target->text();
        return text != nullptr ? *text : std::string();
    }
    const std::string* text = node.text();
    if (text == nullptr) return {};
    const std::vector<std::string> parts = base::split(*text, ':');
    return parts.size() > 1 ? parts[1] : parts[0];
}

// Where a secret or config is seen as a file; `default_directory` ends with a slash.
std::string file_of(const Node& node, std::string_view default_directory) {
    const Node* const given = node.find("target");
    const Node* const source = node.find("source");
    const std::string* text = node.text();
    if (source != nullptr) text = source->text();
    if (given != nullptr) text = given->text();
    if (text == nullptr || text->starts_with("/")) return text == nullptr ? "" : *text;
    return std::string(default_directory) + *text;
}

// What makes an element take the place of an earlier one; empty: only the same value does.
std::string identity_of(std::string_view key, const Node& element) {
    if (key == "volumes" || key == "devices") return target_of(element);
    if (key == "secrets") return file_of(element, "/run/secrets/");
    if (key == "configs") return file_of(element, "/");
    return {};
}

bool same_scalar(const Node& a, const Node& b) {
    const std::string* one = a.text();
    const std::string* other = b.text();
    if (one != nullptr && other != nullptr) return *one == *other;
    const auto* number = std::get_if<std::int64_t>(&a.value);
    const auto* second = std::get_if<std::int64_t>(&b.value);
    return number != nullptr && second != nullptr && *number == *second;
}

void merge_lists(Node& base, Node over, std::string_view key) {
    List result = as_list({std::move(base.value), base.at, base.replaces});
    for (Node& element : as_list(std::move(over))) {
        const auto same = std::find_if(result.begin(), result.end(), [&](const Node& other) {
            const std::string identity = identity_of(key, element);
            return identity.empty() ? same_scalar(other, element)
                                    : identity == identity_of(key, other);
        });
        if (same == result.end()) {
            result.push_back(std::move(element));
        } else {
            *same = std::move(element);
        }
    }
    base.value = std::move(result);
}

// Compose: "key:" with nothing behind it says nothing about a table or a list that is there.
bool says_nothing(const Node& base, const Node& over) {
    return over.is_null() && !over.replaces && (base.table() != nullptr || base.list() != nullptr);
}

void merge_tables(Node& base, Node over, const KeyTable* nested) {
    Table result = as_table({std::move(base.value), base.at, base.replaces});
    for (Member& member : as_table(std::move(over))) {
        const auto same = std::find_if(result.begin(), result.end(), [&](const Member& other) {
            return other.key == member.key;
        });
        if (same == result.end()) {
            result.push_back(std::move(member));
        } else if (nested != nullptr && nested != &dependency_keys() &&
                   says_nothing(same->node, member.node)) {
            continue;
        } else if (nested != nullptr && !member.node.replaces && same->node.table() != nullptr &&
                   member.node.table() != nullptr) {
            merge(same->node, std::move(member.node), *nested);
        } else {
            *same = std::move(member);
        }
    }
    base.value = std::move(result);
}

// What is no key of ours, as compose's deploy: tables within tables, lists that grow.
void merge_unknown(Node& base, Node over) {
    if (base.list() != nullptr && over.list() != nullptr) {
        merge_lists(base, std::move(over), {});
        return;
    }
    if (base.table() == nullptr || over.table() == nullptr) {
        base = std::move(over);
        return;
    }
    for (Member& member : *over.table()) {
        Member* same = find_member(*base.table(), member.key);
        if (same == nullptr) {
            base.table()->push_back(std::move(member));
        } else if (member.node.replaces) {
            same->node = std::move(member.node);
        } else if (!says_nothing(same->node, member.node)) {
            merge_unknown(same->node, std::move(member.node));
        }
    }
}

// Options of one log driver mean nothing to another.
bool has_other_driver(const Node& base, const Node& over) {
    const Node* const one = base.find("driver");
    const Node* const other = over.find("driver");
    return one != nullptr && other != nullptr && one->text() != nullptr &&
           other->text() != nullptr && *one->text() != *other->text();
}

void merge_value(const KeyInfo* key, Node& base, Node over) {
    if (says_nothing(base, over)) return;
    if (over.is_null() || over.replaces) {
        base = std::move(over);
        return;
    }
    if (key == nullptr) {
        merge_unknown(base, std::move(over));
        return;
    }
    switch (key->kind) {
        case Kind::table:
            if (key->name == "logging" && has_other_driver(base, over)) break;
            if (base.table() != nullptr && over.table() != nullptr) {
                if (key->nested != nullptr) {
                    merge(base, std::move(over), key->nested());
                } else {
                    merge_tables(base, std::move(over), nullptr);
                }
                return;
            }
            break;
        case Kind::tables:
        case Kind::names:
            merge_tables(base, std::move(over), key->nested != nullptr ? &key->nested() : nullptr);
            return;
        case Kind::pairs:
            if (is_pair_list(base) && is_pair_list(over)) {
                merge_tables(base, std::move(over), nullptr);
                return;
            }
            if (base.list() != nullptr && over.list() != nullptr) {
                merge_lists(base, std::move(over), key->name);
                return;
            }
            break;
        case Kind::words:
        case Kind::ports:
        case Kind::entries:
            merge_lists(base, std::move(over), key->name);
            return;
        case Kind::text_or_words:
            if (key->name == "command" || key->name == "test") break;
            merge_lists(base, std::move(over), key->name);
            return;
        default:
            break;
    }
    base = std::move(over);
}

}  // namespace

void take_effect(Node& node) {
    if (Table* table = node.table()) {
        std::erase_if(*table, [](const Member& member) { return member.node.is_reset(); });
        for (Member& member : *table) take_effect(member.node);
    } else if (List* list = std::get_if<List>(&node.value)) {
        std::erase_if(*list, [](const Node& element) { return element.is_reset(); });
        for (Node& element : *list) take_effect(element);
    }
    node.replaces = false;
}

void merge(Node& base, Node over, const KeyTable& keys) {
    Table* into = base.table();
    Table* from = over.table();
    if (into == nullptr || from == nullptr) {
        base = std::move(over);
        return;
    }
    for (Member& member : *from) {
        const auto same = std::find_if(into->begin(), into->end(), [&](const Member& other) {
            return other.key == member.key;
        });
        if (same == into->end()) {
            into->push_back(std::move(member));
        } else {
            merge_value(find_key(keys, member.key), same->node, std::move(member.node));
        }
    }
}

}  // namespace sandbox::project
