#include "compose_values.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "sandbox/base/strings.hpp"
#include "written.hpp"

namespace sandbox::project {

bool has_addresses(const Node& ports) {
    const List* list = ports.list();
    return list != nullptr && std::all_of(list->begin(), list->end(), [](const Node& port) {
               if (port.table() != nullptr) return port.find("host_ip") != nullptr;
               const std::string* text = port.text();
               return text != nullptr && std::count(text->begin(), text->end(), ':') > 1;
           });
}

namespace {

std::string text_of(const Node& node) {
    if (const auto* whole = std::get_if<std::int64_t>(&node.value)) return std::to_string(*whole);
    if (const auto* real = std::get_if<double>(&node.value)) return std::to_string(*real);
    return node.text() == nullptr ? std::string() : *node.text();
}

std::optional<double> try_number(const std::string& text) {
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0') return std::nullopt;
    return number;
}

}  // namespace

bool is_same_amount(const Node& a, const Node& b) {
    const std::string one = text_of(a);
    const std::string other = text_of(b);
    if (one == other || one.find('$') != one.npos || other.find('$') != other.npos) return true;
    const auto number = try_number(one);
    const auto second = try_number(other);
    if (number && second) return *number == *second;
    const auto size = base::try_parse_size_bytes(one);
    return size && size == base::try_parse_size_bytes(other);
}

void expand_dependencies(const Documents& documents, Node& compose) {
    Member* const services =
        compose.table() == nullptr ? nullptr : find_member(*compose.table(), "services");
    if (services == nullptr || services->node.table() == nullptr) return;
    for (Member& service : *services->node.table()) {
        if (service.node.table() == nullptr) continue;
        Member* const all = find_member(*service.node.table(), "depends_on");
        if (all == nullptr || all->node.list() == nullptr) continue;
        Table table;
        const bool is_good = std::all_of(
            all->node.list()->begin(), all->node.list()->end(), [&](const Node& element) {
                if (element.text() == nullptr) return false;
                const Place& at = element.at;
                std::string name = written(documents, element, "depends_on");
                Table words{{"condition", at, Node{std::string("started"), at}},
                            {"required", at, Node{true, at}}};
                const bool is_new = find_member(table, name) == nullptr;
                table.push_back({std::move(name), at, Node{std::move(words), at}});
                return is_new;
            });
        if (is_good) all->node.value = std::move(table);  // else it is the reader's to refuse
    }
}

void write_modes(Node& uses) {
    List* list = std::get_if<List>(&uses.value);
    if (list == nullptr) return;
    for (Node& use : *list) {
        Member* mode = use.table() == nullptr ? nullptr : find_member(*use.table(), "mode");
        const auto* bits = mode == nullptr ? nullptr : std::get_if<std::int64_t>(&mode->node.value);
        if (bits == nullptr || *bits < 0 || *bits > 07777) continue;
        std::string text;
        for (std::int64_t rest = *bits; rest > 0; rest /= 8) {
            text.insert(0, 1, static_cast<char>('0' + rest % 8));
        }
        mode->node.value = "0" + text;
    }
}

}  // namespace sandbox::project
