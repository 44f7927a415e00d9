#include "networks.hpp"

#include <algorithm>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/project/deployment.hpp"

namespace sandbox::project {
namespace {

constexpr const char* kNetworkLabel = "com.docker.compose.network";

// Of `default` too, which need not be described.
Network description_of(const Project& project, const std::string& name) {
    if (const Network* network = project.find_network(name)) return *network;
    Network network;
    network.name = name;
    return network;
}

std::string hash_of(const Network& network) {
    const base::json::Value all = base::json::Object{
        {"internal", network.internal},
        {"ipv6", network.ipv6 ? base::json::Value(*network.ipv6) : base::json::Value(nullptr)},
        {"subnet", network.subnet},
        {"gateway", network.gateway},
        {"subnet6", network.subnet6},
        {"labels", network.labels}};
    return base::sha256_hex(base::json::dump(all));
}

engine::NetworkWishes wishes_of(const Project& project, const Network& network,
                                const std::string& scoped) {
    engine::NetworkWishes wishes;
    wishes.name = scoped;
    wishes.internal = network.internal;
    wishes.ipv6 = network.ipv6.value_or(true);
    wishes.ipv6_names = network.ipv6.value_or(!network.subnet6.empty());
    wishes.subnet = network.subnet;
    wishes.gateway = network.gateway;
    wishes.subnet6 = network.subnet6;
    wishes.labels = network.labels;
    wishes.labels[label::kProject] = project.name;
    wishes.labels[kNetworkLabel] = network.name;
    wishes.labels[label::kHash] = hash_of(network);
    return wishes;
}

std::string label_of(const store::NetworkRecord& record, const char* key) {
    const auto found = record.labels.find(key);
    return found == record.labels.end() ? "" : found->second;
}

class Provider {
  public:
    Provider(const store::Store& store, const Project& project, const Listener& listener)
        : store_(store), project_(project), listener_(listener) {}

    void provide(const Service& service, const NetworkUse& use) {
        const Network network = description_of(project_, use.network);
        const std::string scoped = project_.scoped_name(network);
        if (std::find(done_.begin(), done_.end(), scoped) != done_.end()) return;
        done_.push_back(scoped);
        auto record = store::NetworkStore(store_).try_find(scoped);
        if (record && record->name != scoped) record.reset();  // the beginning of an id
        if (network.external) {
            if (record) return;
            throw base::UsageError(service.where + ": " + base::quote(service.name) +
                                       ": there is no network " + base::quote(scoped) +
                                       ", which is external",
                                   "make it: sandbox network create " + scoped);
        }
        if (record) {
            if (label_of(*record, label::kProject) != project_.name) {
                throw base::UsageError(
                    service.where + ": network " + base::quote(scoped) +
                        " exists and is not this project's",
                    "say external = true to use it, or give the network another name");
            }
            if (label_of(*record, label::kHash) == hash_of(network)) return;
            replace(*record);
        }
        base::with_context(service.where + ": network " + base::quote(use.network), [&] {
            (void)engine::create_network(store_, wishes_of(project_, network, scoped));
        });
        listener_({Notice::What::creating, "network " + use.network, scoped, {}});
    }

  private:
    // Containers name it by its name: those of before start again on the new one.
    void replace(const store::NetworkRecord& record) {
        const std::string why = "its network " + base::quote(record.name) + " has changed";
        const std::vector<engine::NetworkUser> users = engine::network_users(store_, record.name);
        for (const Deployed& each : find_all_deployed(store_, project_.name)) {
            const bool uses = std::any_of(users.begin(), users.end(),
                                          [&](const auto& user) { return user.id == each.id; });
            if (!uses || !each.is_running()) continue;
            listener_({Notice::What::stopping, each.service, each.name, why});
            engine::stop_container(store_, each.id, {});
        }
        engine::remove_network(store_, record.name);
    }

    const store::Store& store_;
    const Project& project_;
    const Listener& listener_;
    std::vector<std::string> done_;
};

}  // namespace

void provide_networks(const store::Store& store, const Project& project,
                      const std::vector<std::string>& services, const Listener& listener) {
    Provider provider(store, project, listener);
    for (const std::string& name : services) {
        const Service* service = project.find_service(name);
        if (service == nullptr) continue;
        for (const NetworkUse& use : service->networks) provider.provide(*service, use);
    }
}

void remove_networks(const store::Store& store, const std::string& project_name,
                     const Listener& listener, std::vector<Failure>& failures) {
    for (const store::NetworkRecord& record : store::NetworkStore(store).list()) {
        if (label_of(record, label::kProject) != project_name) continue;
        try {
            engine::remove_network(store, record.name);
            listener({Notice::What::removed, {}, record.name, {}});
        } catch (const base::NotFoundError&) {
        } catch (const base::Error& error) {
            failures.push_back({{}, record.name, error.with_hint(), {}, {}});
        }
    }
}

std::vector<std::string> network_words(const Project& project, const Service& service,
                                       bool aliases) {
    std::vector<std::string> words;
    for (const NetworkUse& use : service.networks) {
        std::string word = "name=" + project.scoped_name(description_of(project, use.network));
        if (aliases) {
            word += ",alias=" + service.name;
            for (const std::string& alias : use.aliases) word += ",alias=" + alias;
        }
        if (!use.ipv4.empty()) word += ",ip=" + use.ipv4;
        if (!use.mac.empty()) word += ",mac-address=" + use.mac;
        if (!use.ipv6.empty()) word += ",ip6=" + use.ipv6;
        words.push_back(std::move(word));
    }
    return words;
}

}  // namespace sandbox::project
