// Networks of a compose file.
#include <utility>

#include "compose_outcomes.hpp"

namespace sandbox::project {
namespace {

bool is_foreign_driver(const Node& node) {
    const std::string* word = node.text();
    return word != nullptr && *word != "bridge" && *word != "private" && !word->empty();
}

void translate_ipam(Member& ipam, const std::string& path, Table& kept,
                    std::vector<Remark>& remarks) {
    Member* config =
        ipam.node.table() == nullptr ? nullptr : find_member(*ipam.node.table(), "config");
    if (config == nullptr || config->node.list() == nullptr) return;
    for (Node& entry : *std::get_if<List>(&config->node.value)) {
        if (entry.table() == nullptr) continue;
        const Node* subnet = entry.find("subnet");
        const bool v6 = subnet != nullptr && subnet->text() != nullptr &&
                        subnet->text()->find(':') != std::string::npos;
        for (Member& member : *entry.table()) {
            if (member.key == "subnet") {
                kept.push_back({v6 ? "subnet6" : "subnet", member.key_at, std::move(member.node)});
            } else if (member.key == "gateway" && !v6) {
                kept.push_back({"gateway", member.key_at, std::move(member.node)});
            } else {
                remarks.push_back({Remark::Kind::ignored, member.key_at,
                                   path + ".config." + member.key,
                                   "addresses are handed out by sandbox"});
            }
        }
    }
    remarks.push_back({Remark::Kind::changed, ipam.key_at, path, "subnet, gateway"});
}

}  // namespace

// external: {name: X}, as files of version 3.4 and before have it.
void lift_external_names(Node& objects) {
    if (objects.table() == nullptr) return;
    for (Member& object : *objects.table()) {
        Table* const table = object.node.table();
        Member* const external = table == nullptr ? nullptr : find_member(*table, "external");
        Table* const inner = external == nullptr ? nullptr : external->node.table();
        Member* const name = inner == nullptr ? nullptr : find_member(*inner, "name");
        if (name == nullptr || inner->size() != 1) continue;
        Member lifted = std::move(*name);
        external->node.value = true;
        if (find_member(*table, "name") == nullptr) table->push_back(std::move(lifted));
    }
}

void translate_compose_networks(Node& networks, std::vector<Remark>& remarks) {
    lift_external_names(networks);
    if (networks.table() == nullptr) return;
    for (Member& network : *networks.table()) {
        if (network.node.table() == nullptr) continue;
        const std::string path = "networks." + network.key + ".";
        Table kept;
        for (Member& member : *network.node.table()) {
            const std::string key = path + member.key;
            if (const Outcome* outcome = find_outcome(kNetworkOutcomes, member.key)) {
                remarks.push_back({outcome->kind, member.key_at, key, std::string(outcome->text)});
            } else if (member.key == "ipam") {
                translate_ipam(member, key, kept, remarks);
            } else if (member.key == "driver" && is_foreign_driver(member.node)) {
                remarks.push_back(
                    {Remark::Kind::refused, member.key_at, key,
                     "there are private networks only: overlay and macvlan need root"});
            } else {
                kept.push_back(std::move(member));
            }
        }
        network.node.value = std::move(kept);
    }
}

}  // namespace sandbox::project
