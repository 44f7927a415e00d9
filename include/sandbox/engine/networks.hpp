// Named networks as users know them: made, listed, removed. They live in holders (net/holder.hpp),
// which containers start by themselves. Must be called in a process with one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/store/layout.hpp"
#include "sandbox/store/network_facts.hpp"
#include "sandbox/store/network_store.hpp"

namespace sandbox::engine {

struct NetworkWishes {
    std::string name;
    std::string subnet, gateway, ip_range;  // empty: chosen
    std::string subnet6;
    bool internal = false, ipv6 = true, link_local = false;
    bool ipv6_names = false;  // AAAA is answered; compose and docker have it only when asked for
    std::vector<std::uint16_t> host_ports;
    std::map<std::string, std::string> labels, options;
};
// Answers the record. Throws UsageError (1) for words that do not fit, Error (1) when the name is
// taken or the subnet is another network's.
store::NetworkRecord create_network(const store::Store& store, const NetworkWishes& wishes);
// What listings and inspect call a network. The private one is docker's "bridge" there, since its
// scripts look for that, and for it alone: in a map of networks a second word for it would be a
// second network.
[[nodiscard]] std::string shown_network(const std::string& name);
// Its id in inspect and events; empty for none.
[[nodiscard]] std::string shown_network_id(const store::NetworkPlace& place);
// What --network takes without a network that was made: private (bridge is another word for it),
// host and none. They have no time of making.
[[nodiscard]] std::optional<store::NetworkRecord> try_builtin_network(
    const std::string& name_or_id);
// As listings show it; what is no network's name or beginning of an id stays as it is.
[[nodiscard]] std::string network_name(const store::Store& store, const std::string& name_or_id);
// "bridge", "host" or "null".
[[nodiscard]] const char* network_driver(const store::NetworkRecord& record) noexcept;
// By name or beginning of an id. Throws NotFoundError (1), UsageError (1) for one that is built in.
[[nodiscard]] store::NetworkRecord find_network(const store::Store& store, const std::string& name);

// Containers that name the network, running or not.
struct NetworkUser {
    std::string id, name;
    bool running = false;
};
[[nodiscard]] std::vector<NetworkUser> network_users(const store::Store& store,
                                                     const std::string& network);
struct MemberWishes {
    std::vector<std::string> aliases;
    std::string ip, ip6;  // empty: given out
};
// At once when the container runs, and for its later starts. A container that runs on a private
// network keeps it until it ends. Throws NotFoundError, UsageError, Error.
void connect_network(const store::Store& store, const std::string& network,
                     const std::string& container, const MemberWishes& wishes);
// Throws NotFoundError when it is not on it, Error when it has its name server there.
void disconnect_network(const store::Store& store, const std::string& network,
                        const std::string& container);

// Throws NotFoundError (1), Error (1) while a container is on it: one that runs, or with
// `stopped_too` any.
void remove_network(const store::Store& store, const std::string& name, bool stopped_too = false);
// Those that no container names and `wanted` says yes to. Answers names.
std::vector<std::string> prune_networks(
    const store::Store& store, const std::function<bool(const store::NetworkRecord&)>& wanted = {});

}  // namespace sandbox::engine
