// network connect and disconnect: by the container's supervisor while it runs, else in its record.
#include <functional>

#include "engine/container_record.hpp"
#include "engine/flags/option_flags.hpp"
#include "engine/network/network_change.hpp"
#include "engine/settled.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/store/container_store.hpp"
#include "sandbox/store/event_log.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

std::string word_of(const std::string& network, const MemberWishes& wishes) {
    std::string word = "name=" + network;
    for (const std::string& alias : wishes.aliases) word += ",alias=" + alias;
    if (!wishes.ip.empty()) word += ",ip=" + wishes.ip;
    if (!wishes.ip6.empty()) word += ",ip6=" + wishes.ip6;
    return word;
}

void tell(const store::Store& store, const char* action, const store::NetworkRecord& network,
          const std::string& container) {
    store::Event event{.type = "network", .action = action, .id = network.id};
    event.attributes = {{"container", container}, {"name", network.name}, {"type", "bridge"}};
    store::append_event(store, event);
}

// Its supervisor's op, or the record's change when nobody supervises it.
void change(const store::Store& store, const store::ContainerEntry& entry,
            const json::Value& request,
            const std::function<json::Value(const json::Value&)>& changed) {
    Patience patience("container " + base::quote(entry.name));
    Settled settled = settle(store, entry.id, patience);
    if (settled.client) {
        (void)settled.client->call(request);
        return;
    }
    const store::ContainerStore containers(store);
    containers.save_record(*settled.owned, changed(containers.find(entry.id).record));
}

// The private one is each container's own, by either of its names.
store::NetworkRecord member_network(const store::Store& store, const std::string& network) {
    auto builtin = try_builtin_network(network);
    if (builtin && builtin->name == shown_network(kPrivateNetwork)) return std::move(*builtin);
    return find_network(store, network);
}

// As records and supervisors say it.
std::string own_word(const store::NetworkRecord& network) {
    return network.name == shown_network(kPrivateNetwork) ? kPrivateNetwork : network.name;
}

}  // namespace

void connect_network(const store::Store& store, const std::string& network,
                     const std::string& container, const MemberWishes& wishes) {
    const store::NetworkRecord record = member_network(store, network);
    const store::ContainerEntry entry = store::ContainerStore(store).find(container);
    const std::string word = word_of(own_word(record), wishes);
    (void)parse_network_use(word);
    change(store, entry, json::Object{{"op", "network_connect"}, {"word", word}},
           [&](const json::Value& before) { return with_network(before, word); });
    tell(store, "connect", record, entry.id);
}

void disconnect_network(const store::Store& store, const std::string& network,
                        const std::string& container) {
    const store::NetworkRecord record = member_network(store, network);
    const store::ContainerEntry entry = store::ContainerStore(store).find(container);
    change(store, entry, json::Object{{"op", "network_disconnect"}, {"network", own_word(record)}},
           [&](const json::Value& before) { return without_network(before, own_word(record)); });
    tell(store, "disconnect", record, entry.id);
}

}  // namespace sandbox::engine
