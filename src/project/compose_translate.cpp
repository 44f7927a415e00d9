#include "compose_translate.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "compose_links.hpp"
#include "compose_outcomes.hpp"
#include "compose_values.hpp"
#include "compose_yaml.hpp"
#include "keys.hpp"
#include "sandbox/base/strings.hpp"
#include "written.hpp"

namespace sandbox::project {
namespace {

using base::quote;
using Kind = Remark::Kind;

Node text_node(std::string text, const Place& at) {
    return {std::move(text), at};
}

class Translator {
  public:
    Translator(const Documents& documents, std::vector<Remark>& remarks)
        : documents_(documents), remarks_(remarks) {}

    Node translate(Node compose) {
        Table* root = compose.table();
        if (root == nullptr) documents_.fail(compose.at, "not a compose file", kComposeBegin);
        Table kept;
        for (Member& member : *root) {
            if (member.node.is_reset()) {
                kept.push_back(std::move(member));  // of an earlier profile
            } else if (member.key == "models") {
                remark(Kind::refused, member.key_at, "models", "there are no models here");
            } else if (!member.key.starts_with("x-")) {  // where it is used, it is written out
                if (member.key == "services") translate_services(member.node);
                if (member.key == "networks") translate_compose_networks(member.node, remarks_);
                if (member.key == "volumes" || member.key == "secrets" || member.key == "configs") {
                    lift_external_names(member.node);
                }
                kept.push_back(std::move(member));
            }
        }
        compose.value = std::move(kept);
        return compose;
    }

  private:
    void remark(Kind kind, const Place& at, std::string key, std::string text) {
        remarks_.push_back({kind, at, std::move(key), std::move(text), service_, std::nullopt});
    }

    void translate_services(Node& services) {
        if (services.table() == nullptr) return;  // the reader's to refuse
        for (Member& service : *services.table()) {
            service_ = service.key;
            if (service.node.table() != nullptr) translate_service(service);
        }
        service_.clear();
        add_link_aliases(links_, services);
    }

    void translate_service(Member& service) {
        const std::string path = "services." + service.key + ".";
        Table kept;
        std::vector<Member> added;
        std::vector<Link> links;
        const bool has_image = service.node.find("image") != nullptr;
        for (Member& member : *service.node.table()) {
            const std::string key = path + member.key;
            if (member.node.is_reset()) {
                kept.push_back(std::move(member));
            } else if (member.key == "ipc" && is_own_ipc(member.node)) {
                continue;
            } else if (const Outcome* outcome = find_outcome(kServiceOutcomes, member.key)) {
                remark(outcome->kind, member.key_at, key, std::string(outcome->text));
            } else if (member.key.starts_with("x-")) {
                continue;
            } else if (member.key == "build") {
                translate_build(member, key, has_image);
            } else if (member.key == "deploy") {
                translate_deploy(member, key, added);
            } else if (member.key == "develop") {
                translate_develop(member, key, added);
            } else if (member.key == "links") {
                links = read_links(documents_, member.node);
                // "db" is there by its name anyway; "db:mysql" is another name of db.
                remark(
                    Kind::changed, member.key_at, key,
                    "services see each other by name; it became a dependency, other names aliases");
            } else {
                adjust(member, key);
                kept.push_back(std::move(member));
            }
        }
        for (Member& member : added) add_translated(kept, std::move(member));
        add_link_dependencies(links, kept);
        links_.insert(links_.end(), links.begin(), links.end());
        service.node.value = std::move(kept);
    }

    // What every container has: System V IPC of its own, which nobody can join.
    [[nodiscard]] bool is_own_ipc(const Node& node) const {
        if (node.text() == nullptr || node.text()->empty()) return node.text() != nullptr;
        const std::string word = written(documents_, node, "ipc");
        return word == "private" || word == "shareable";
    }

    // Compose: a restart policy under deploy wins; the others must not say two things.
    void add_translated(Table& kept, Member member) {
        Member* const same = find_member(kept, member.key);
        if (same == nullptr) {
            kept.push_back(std::move(member));
            return;
        }
        if (member.key != "restart" && member.key != "watch" &&
            !is_same_amount(same->node, member.node)) {
            const std::string key = "services." + service_ + "." + member.key;
            remark(Kind::refused, same->key_at, key, "deploy says otherwise");
            remarks_.back().error = documents_.error(
                same->key_at,
                "service " + quote(service_) + ": " + quote(member.key) +
                    " is not what deploy says in " + documents_.where(member.key_at),
                "keep one of them");
        }
        *same = std::move(member);
    }

    // Same key, other details.
    void adjust(Member& member, const std::string& key) {
        Node& node = member.node;
        if (member.key == "depends_on" && node.list() != nullptr) {
            Table table;
            for (Node& element : *std::get_if<List>(&node.value)) {
                const std::string* name = element.text();
                if (name == nullptr) return;
                Table condition{{"condition", element.at, text_node("started", element.at)}};
                table.push_back({*name, element.at, Node{std::move(condition), element.at}});
            }
            node.value = std::move(table);
        } else if (member.key == "depends_on" && node.table() != nullptr) {
            for (Member& each : *node.table()) {
                if (each.node.is_reset() || each.node.find("condition") != nullptr) continue;
                if (each.node.is_null()) each.node.value = Table();
                if (each.node.table() == nullptr) continue;
                each.node.table()->push_back(
                    {"condition", each.key_at, text_node("started", each.key_at)});
            }
        } else if (member.key == "restart") {
            // YAML reads `restart: no` as false.
            const bool* flag = std::get_if<bool>(&node.value);
            if (flag != nullptr && !*flag) node.value = std::string("no");
        } else if (member.key == "networks" && node.table() != nullptr) {
            for (Member& use : *node.table()) drop_network_details(use, key);
        } else if (member.key == "secrets" || member.key == "configs") {
            write_modes(node);
        } else if (member.key == "devices") {
            write_devices(node, key);
        } else if (member.key == "ports" && !has_addresses(node)) {
            remark(Kind::changed, member.key_at, key,
                   "published on 127.0.0.1, where compose takes all addresses");
        } else if (member.key == "pull_policy") {
            const std::string* word = node.text();
            if (word != nullptr && (*word == "build" || *word == "daily" || *word == "weekly" ||
                                    word->starts_with("every_"))) {
                remark(Kind::changed, member.key_at, key, "taken as \"missing\"");
                node.value = std::string("missing");
            }
        }
    }

    // {source, target, permissions} as `run --device` takes it.
    void write_devices(Node& devices, const std::string& key) {
        List* list = std::get_if<List>(&devices.value);
        if (list == nullptr) return;
        for (Node& device : *list) {
            const Node* source = device.find("source");
            if (source == nullptr || source->text() == nullptr) continue;  // the reader's to refuse
            std::string text = *source->text();
            if (text.find(':') != text.npos) {
                remark(Kind::refused, device.at, key, "there is a colon in the device's path");
            }
            const Node* target = device.find("target");
            const Node* permissions = device.find("permissions");
            const bool has_permissions = permissions != nullptr && permissions->text() != nullptr;
            if (target != nullptr && target->text() != nullptr) {
                text += ":" + *target->text();
            } else if (has_permissions) {
                text += ":";
            }
            if (has_permissions) text += ":" + *permissions->text();
            device.value = std::move(text);
        }
    }

    void drop_network_details(Member& use, const std::string& key) {
        Table* table = use.node.table();
        if (table == nullptr) return;
        std::erase_if(*table, [&](const Member& member) {
            const bool drop = member.key == "priority" || member.key == "gw_priority" ||
                              member.key == "link_local_ips" || member.key == "driver_opts" ||
                              member.key == "interface_name";
            if (drop) {
                remark(Kind::ignored, member.key_at, key + "." + use.key + "." + member.key,
                       "networks have no such detail here");
            }
            return drop;
        });
    }

    void translate_build(const Member& member, const std::string& key, bool has_image) {
        if (has_image) {
            remark(Kind::ignored, member.key_at, key,
                   "the image is taken from \"image\"; images are not built here yet");
        } else {
            remark(Kind::refused, member.key_at, key,
                   "images are not built here yet: build it elsewhere, `sandbox load` it, and name "
                   "it under \"image\"");
        }
    }

    void translate_deploy(Member& member, const std::string& key, std::vector<Member>& added) {
        if (member.node.table() == nullptr) return;
        for (Member& part : *member.node.table()) {
            const std::string path = key + "." + part.key;
            if (const Outcome* outcome = find_outcome(kDeployOutcomes, part.key)) {
                remark(outcome->kind, part.key_at, path, std::string(outcome->text));
            } else if (part.key == "replicas") {
                remark(Kind::changed, part.key_at, path, "scale");
                added.push_back({"scale", part.key_at, std::move(part.node)});
            } else if (part.key == "resources") {
                translate_resources(part, path, added);
            } else if (part.key == "restart_policy") {
                translate_restart_policy(part, path, added);
            } else {
                remark(Kind::refused, part.key_at, path, "unknown key of deploy");
            }
        }
    }

    void translate_resources(Member& part, const std::string& path, std::vector<Member>& added) {
        struct Row {
            std::string_view group, key, ours;
        };
        constexpr Row kRows[] = {{"limits", "cpus", "cpus"},
                                 {"limits", "memory", "mem_limit"},
                                 {"limits", "pids", "pids_limit"},
                                 {"reservations", "memory", "mem_reservation"}};
        if (part.node.table() == nullptr) return;
        for (Member& group : *part.node.table()) {
            if (group.node.table() == nullptr) continue;
            for (Member& limit : *group.node.table()) {
                const std::string key = path + "." + group.key + "." + limit.key;
                const Row* found = nullptr;
                for (const Row& row : kRows) {
                    if (row.group == group.key && row.key == limit.key) found = &row;
                }
                if (found != nullptr) {
                    remark(Kind::changed, limit.key_at, key, std::string(found->ours));
                    added.push_back(
                        {std::string(found->ours), limit.key_at, std::move(limit.node)});
                } else if (limit.key == "devices") {
                    remark(Kind::refused, limit.key_at, key, "there are no GPUs without root");
                } else {
                    remark(Kind::ignored, limit.key_at, key, "nothing is reserved here");
                }
            }
        }
    }

    void translate_restart_policy(const Member& part, const std::string& path,
                                  std::vector<Member>& added) {
        std::string policy = "always";
        if (const Node* condition = part.node.find("condition")) {
            const std::string* word = condition->text();
            if (word != nullptr && *word == "none") policy = "no";
            if (word != nullptr && *word == "on-failure") policy = "on-failure";
        }
        const Node* attempts = part.node.find("max_attempts");
        const auto* count =
            attempts == nullptr ? nullptr : std::get_if<std::int64_t>(&attempts->value);
        if (count != nullptr && policy == "on-failure") policy += ":" + std::to_string(*count);
        remark(Kind::changed, part.key_at, path, "restart = " + quote(policy));
        added.push_back({"restart", part.key_at, text_node(std::move(policy), part.key_at)});
    }

    void translate_develop(Member& member, const std::string& key, std::vector<Member>& added) {
        Member* watch =
            member.node.table() == nullptr ? nullptr : find_member(*member.node.table(), "watch");
        if (watch == nullptr || watch->node.list() == nullptr) return;
        List kept;
        for (Node& element : *std::get_if<List>(&watch->node.value)) {
            Member* action =
                element.table() == nullptr ? nullptr : find_member(*element.table(), "action");
            const std::string* word = action == nullptr ? nullptr : action->node.text();
            if (word == nullptr ||
                (*word != "sync" && *word != "restart" && *word != "sync+restart")) {
                remark(Kind::ignored, element.at,
                       key + ".watch of action " + (word == nullptr ? "?" : *word),
                       "images are not built here yet; the others are heeded");
                continue;
            }
            if (Member* initial = find_member(*element.table(), "initial_sync")) {
                remark(Kind::ignored, initial->key_at, key + ".watch.initial_sync",
                       "what changes is copied");
                element.table()->erase(element.table()->begin() +
                                       (initial - element.table()->data()));
            }
            kept.push_back(std::move(element));
        }
        remark(Kind::changed, member.key_at, key, "watch");
        if (!kept.empty()) {
            added.push_back({"watch", watch->key_at, Node{std::move(kept), watch->node.at}});
        }
    }

    std::string service_;  // that is being translated
    const Documents& documents_;
    std::vector<Remark>& remarks_;
    std::vector<Link> links_;
};

}  // namespace

Node translate_compose(const Documents& documents, Node compose, std::vector<Remark>& remarks) {
    return Translator(documents, remarks).translate(std::move(compose));
}

}  // namespace sandbox::project
