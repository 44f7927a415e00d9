#include "compose_values.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace sandbox::project {

bool has_addresses(const Node& ports) {
    const List* list = ports.list();
    return list != nullptr && std::all_of(list->begin(), list->end(), [](const Node& port) {
               if (port.table() != nullptr) return port.find("host_ip") != nullptr;
               const std::string* text = port.text();
               return text != nullptr && std::count(text->begin(), text->end(), ':') > 1;
           });
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
