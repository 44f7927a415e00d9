#include "merge.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "identity.hpp"
#include "sandbox/base/error.hpp"
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

// What the reader is to refuse in its place, rather than a merge to lose.
bool is_names(const Node& node) {
    if (node.is_null() || node.table() != nullptr) return true;
    const List* const list = node.list();
    return list != nullptr && std::all_of(list->begin(), list->end(), [](const Node& element) {
               return element.text() != nullptr || element.is_reset();
           });
}
// What interpolation leaves as `text`.
std::string literally(std::string_view text) {
    std::string result;
    for (const char c : text) result += c == '$' ? "$$" : std::string(1, c);
    return result;
}

// "NAME=value" of a table's members, for lists that may say one name more than once.
List as_pair_list(Node&& node) {
    const Table* const table = node.table();
    if (table == nullptr) return std::get<List>(std::move(node.value));
    List result;
    for (const Member& member : *table) {
        std::string text = literally(member.key);
        if (const List* const several = member.node.list()) {  // addresses of one host
            for (const Node& each : *several) {
                if (each.text() == nullptr) continue;
                result.push_back({text + "=" + *each.text(), each.at, each.replaces});
            }
            continue;
        }
        if (const auto* whole = std::get_if<std::int64_t>(&member.node.value)) {
            text += "=" + std::to_string(*whole);
        } else if (member.node.text() != nullptr) {
            text += "=" + *member.node.text();
        }
        result.push_back({std::move(text), member.node.at, member.node.replaces});
    }
    return result;
}

List as_list(Node&& node) {
    if (std::holds_alternative<List>(node.value)) return std::get<List>(std::move(node.value));
    List result;
    if (!node.is_null()) result.push_back(std::move(node));
    return result;
}

// Each identity has one place: that of the first, with the words of the last.
class UniqueList {
  public:
    UniqueList(const Documents& documents, std::string_view key)
        : documents_(documents), key_(key) {}

    void add(Node element) {
        const std::string identity = identity_of(documents_, key_, element);
        size_t place = list_.size();
        if (!identity.empty()) place = places_.try_emplace(identity, place).first->second;
        if (place == list_.size()) {
            list_.push_back(std::move(element));
        } else {
            list_[place] = std::move(element);
        }
    }
    [[nodiscard]] List take() { return std::move(list_); }

  private:
    const Documents& documents_;
    std::string_view key_;
    List list_;
    std::unordered_map<std::string, size_t> places_;
};

// The members of a table by their keys, while it grows.
class UniqueTable {
  public:
    // Of what has one key, the last stays.
    explicit UniqueTable(Table&& table) {
        for (Member& member : table) {
            if (Member* const same = find(member.key)) {
                *same = std::move(member);
            } else {
                add(std::move(member));
            }
        }
    }
    [[nodiscard]] Member* find(const std::string& key) {
        const auto found = places_.find(key);
        return found == places_.end() ? nullptr : &table_[found->second];
    }
    void add(Member member) {
        places_.try_emplace(member.key, table_.size());
        table_.push_back(std::move(member));
    }
    [[nodiscard]] Table take() { return std::move(table_); }

  private:
    Table table_;
    std::unordered_map<std::string, size_t> places_;
};

// Compose: "key:" with nothing behind it says nothing.
bool says_nothing(const Node& over) {
    return over.is_null() && !over.replaces;
}

// But a command goes back to the image's. `key` may be null.
bool resets_when_empty(const KeyInfo* key) {
    return key != nullptr &&
           (key->kind == Kind::command || key->name == "command" || key->name == "test");
}

// Options of one log driver mean nothing to another.
bool has_other_driver(const Node& base, const Node& over) {
    const Node* const one = base.find("driver");
    const Node* const other = over.find("driver");
    return one != nullptr && other != nullptr && one->text() != nullptr &&
           other->text() != nullptr && *one->text() != *other->text();
}

class Merger {
  public:
    explicit Merger(const Documents& documents) : documents_(documents) {}

    void merge(Node& base, Node over, const KeyTable& keys) const {
        merge_members(base, std::move(over), [&](const std::string& key, Node& same, Node next) {
            merge_value(find_key(keys, key), same, std::move(next));
        });
    }

  private:
    // What is no table is replaced; what both tables have is `merge_same`'s.
    template <typename F>
    static void merge_members(Node& base, Node over, F&& merge_same) {
        if (base.table() == nullptr || over.table() == nullptr) {
            base = std::move(over);
            return;
        }
        UniqueTable result(std::move(*base.table()));
        for (Member& member : *over.table()) {
            Member* const same = result.find(member.key);
            if (same == nullptr) {
                result.add(std::move(member));
            } else {
                merge_same(same->key, same->node, std::move(member.node));
            }
        }
        base.value = result.take();
    }

    // "NAME=value" → NAME = value; "NAME" → NAME without a value; names → NAME = {}.
    [[nodiscard]] Table as_table(Node&& node) const {
        if (Table* table = node.table()) return std::move(*table);
        Table result;
        const List* list = node.list();
        if (list == nullptr) return result;
        for (const Node& element : *list) {
            if (element.text() != nullptr) result.push_back(as_pair(element));
        }
        return result;
    }

    // The name is interpolated, since that of a table is not any more; the value is not yet.
    [[nodiscard]] Member as_pair(const Node& element) const {
        const std::string& text = *element.text();
        const size_t split = find_outside_variables(text, '=');
        Node value{std::monostate(), element.at};
        std::string name = interpolated(text.substr(0, split), element.at);
        if (split != std::string::npos) {
            value.value = text.substr(split + 1);
        } else if (const size_t inside = name.find('='); inside != std::string::npos) {
            value.value = literally(name.substr(inside + 1));  // "${PAIR}"
            name.resize(inside);
        }
        if (name.empty()) {
            documents_.fail(element.at, "there is no name in " + base::quote(text),
                            "a name stands before the first \"=\"");
        }
        return {std::move(name), element.at, std::move(value)};
    }

    [[nodiscard]] std::string interpolated(const std::string& text, const Place& at) const {
        try {
            return interpolate(text, documents_.scope(at).variables);
        } catch (const base::UsageError& error) {
            throw documents_.error(at, error.message(), error.hint());
        }
    }

    void merge_lists(Node& base, Node over, std::string_view key) const {
        UniqueList result(documents_, key);
        for (Node& element : as_list({std::move(base.value), base.at, base.replaces})) {
            result.add(std::move(element));
        }
        for (Node& element : as_list(std::move(over))) result.add(std::move(element));
        base.value = result.take();
    }

    void merge_tables(Node& base, Node over, const KeyTable* nested) const {
        // A name in a list is a dependency as it is without further words.
        const bool is_said = nested == &dependency_keys() && over.list() != nullptr;
        UniqueTable result(as_table({std::move(base.value), base.at, base.replaces}));
        for (Member& member : as_table(std::move(over))) {
            Member* const same = result.find(member.key);
            if (same == nullptr) {
                result.add(std::move(member));
            } else if (nested != nullptr && says_nothing(member.node) && !is_said) {
                continue;
            } else if (nested != nullptr && !member.node.replaces &&
                       same->node.table() != nullptr && member.node.table() != nullptr) {
                merge(same->node, std::move(member.node), *nested);
            } else {
                *same = std::move(member);
            }
        }
        base.value = result.take();
    }

    // What is no key of ours, as compose's deploy: tables within tables, lists that grow.
    void merge_unknown(Node& base, Node over) const {
        if (base.list() != nullptr && over.list() != nullptr) {
            merge_lists(base, std::move(over), {});
            return;
        }
        merge_members(base, std::move(over), [&](const std::string&, Node& same, Node next) {
            if (next.replaces) {
                same = std::move(next);
            } else if (!says_nothing(next)) {
                merge_unknown(same, std::move(next));
            }
        });
    }

    void merge_value(const KeyInfo* key, Node& base, Node over) const {
        if (says_nothing(over) && !resets_when_empty(key)) return;
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
                if (base.table() == nullptr || over.table() == nullptr) break;
                if (key->nested != nullptr) {
                    merge(base, std::move(over), key->nested());
                } else {
                    merge_tables(base, std::move(over), nullptr);
                }
                return;
            case Kind::tables:
                if (over.table() == nullptr) break;
                [[fallthrough]];
            case Kind::names:
                merge_names(base, std::move(over),
                            key->nested != nullptr ? &key->nested() : nullptr);
                return;
            case Kind::pairs:
            case Kind::hosts:
                merge_pairs(*key, base, std::move(over));
                return;
            case Kind::text_or_words:
                if (key->name == "command" || key->name == "test") break;
                [[fallthrough]];
            case Kind::words:
            case Kind::ports:
            case Kind::entries:
                merge_lists(base, std::move(over), key->name);
                return;
            default:
                break;
        }
        base = std::move(over);
    }

    void merge_names(Node& base, Node over, const KeyTable* nested) const {
        if (!is_names(base)) return;
        if (is_names(over)) {
            merge_tables(base, std::move(over), nested);
        } else {
            base = std::move(over);
        }
    }

    void merge_pairs(const KeyInfo& key, Node& base, Node over) const {
        for (Node* const node : {&base, &over}) {
            if (node->text() != nullptr) node->value = List{*node};
        }
        const bool has_list = base.list() != nullptr || over.list() != nullptr;
        const bool are_names = is_names(base) && is_names(over) && !base.is_null();
        if (key.name != "extra_hosts" || !has_list || !are_names) {
            merge_names(base, std::move(over), nullptr);
            return;
        }
        // /etc/hosts may say a name more than once, and "NAME:ADDRESS" is no pair.
        base.value = as_pair_list(std::move(base));
        over.value = as_pair_list(std::move(over));
        merge_lists(base, std::move(over), key.name);
    }

    const Documents& documents_;
};

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

void merge(const Documents& documents, Node& base, Node over, const KeyTable& keys) {
    Merger(documents).merge(base, std::move(over), keys);
}

}  // namespace sandbox::project
