#include "compose_links.hpp"

#include <algorithm>

#include "written.hpp"

namespace sandbox::project {
namespace {

Node text_node(std::string text, const Place& at) {
    return {std::move(text), at};
}

// compose: a link waits for the start, and is there for whoever is made anew.
Node dependency(const Place& at) {
    Table words{{"condition", at, text_node("started", at)}, {"restart", at, Node{true, at}}};
    return {std::move(words), at};
}

}  // namespace

std::vector<Link> read_links(const Documents& documents, const Node& links) {
    std::vector<Link> result;
    if (links.list() == nullptr) return result;
    for (const Node& element : *links.list()) {
        if (element.text() == nullptr) continue;
        const std::string text = written(documents, element, "links");
        const size_t colon = text.find(':');
        result.push_back({text.substr(0, colon),
                          colon == std::string::npos ? std::string() : text.substr(colon + 1),
                          element.at});
    }
    return result;
}

void add_link_dependencies(const std::vector<Link>& links, Table& service) {
    if (links.empty()) return;
    Member* all = find_member(service, "depends_on");
    if (all == nullptr) {
        const Place at = links.front().at;
        service.push_back({"depends_on", at, Node{Table(), at}});
        all = &service.back();
    }
    if (all->node.is_null()) all->node.value = Table();
    Table* const table = all->node.table();
    if (table == nullptr) return;  // the reader's to refuse
    for (const Link& link : links) {
        if (find_member(*table, link.service) != nullptr) continue;
        table->push_back({link.service, link.at, dependency(link.at)});
    }
}

void add_link_aliases(const std::vector<Link>& links, Node& services) {
    for (const Link& link : links) {
        Member* const target =
            link.alias.empty() ? nullptr : find_member(*services.table(), link.service);
        if (target == nullptr || target->node.table() == nullptr) continue;
        Table& table = *target->node.table();
        Member* aliases = find_member(table, "aliases");
        if (aliases == nullptr) {
            table.push_back({"aliases", target->key_at, Node{List(), target->key_at}});
            aliases = &table.back();
        }
        auto* list = std::get_if<List>(&aliases->node.value);
        if (list == nullptr) continue;
        const bool known = std::any_of(list->begin(), list->end(), [&](const Node& node) {
            return node.text() != nullptr && *node.text() == link.alias;
        });
        if (!known) list->push_back(text_node(link.alias, target->key_at));
    }
}

}  // namespace sandbox::project
