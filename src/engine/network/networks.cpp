#include "sandbox/engine/networks.hpp"

#include <fcntl.h>

#include <algorithm>

#include "engine/container_record.hpp"
#include "engine/network/network_plan.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/net/address.hpp"
#include "sandbox/net/project_network.hpp"

namespace sandbox::engine {
namespace {

constexpr int kFailure = base::exit_code::kFailure;
// The private networks of containers by themselves have it: who moves from there to a named one
// must not find the same addresses.
constexpr const char* kPrivateSubnet = "10.89.0.0/24";
constexpr const char* kShownPrivate = "bridge";
constexpr std::chrono::milliseconds kHolderPatience{2000};

[[noreturn]] void refuse(std::string message, std::string hint = {}) {
    throw base::UsageError(std::move(message), std::move(hint), kFailure);
}

net::Subnet subnet_of(const std::string& text, const char* what, bool v6) {
    const auto subnet = net::try_parse_subnet(text);
    if (!subnet) {
        refuse(std::string("invalid ") + what + " " + base::quote(text),
               v6 ? "for instance fd00:1::/64" : "for instance 10.90.0.0/24, host bits are zero");
    }
    if (subnet->base.is_v6() != v6) {
        refuse(std::string(what) + " " + base::quote(text) + " is of the other family");
    }
    return *subnet;
}

// As many digits as listings show at least.
bool is_beginning_of_id(const std::string& word, const std::string& id) {
    constexpr size_t kShownDigits = 12;
    return word.size() >= kShownDigits && id.starts_with(word);
}

std::vector<net::Subnet> taken_subnets(const std::vector<store::NetworkRecord>& others) {
    std::vector<net::Subnet> taken{*net::try_parse_subnet(kPrivateSubnet)};
    for (const store::NetworkRecord& other : others) {
        for (const std::string& text : {other.subnet, other.subnet6}) {
            if (const auto subnet = net::try_parse_subnet(text)) taken.push_back(*subnet);
        }
    }
    return taken;
}

net::Subnet choose_subnet_v6(const std::vector<net::Subnet>& taken) {
    constexpr int kMost = 0xffff;
    for (int i = 1; i <= kMost; ++i) {
        net::Subnet subnet = *net::try_parse_subnet("fd73:616e:6462::/64");
        subnet.base.bytes[6] = static_cast<std::uint8_t>(i >> 8);
        subnet.base.bytes[7] = static_cast<std::uint8_t>(i);
        if (std::none_of(taken.begin(), taken.end(),
                         [&](const net::Subnet& other) { return other.overlaps(subnet); })) {
            return subnet;
        }
    }
    refuse("no IPv6 subnet is left for a network");
}

void check_not_taken(const net::Subnet& subnet, const std::vector<store::NetworkRecord>& others) {
    for (const store::NetworkRecord& other : others) {
        for (const std::string& text : {other.subnet, other.subnet6}) {
            const auto theirs = net::try_parse_subnet(text);
            if (theirs && theirs->overlaps(subnet)) {
                refuse("subnet " + subnet.str() + " overlaps that of network " +
                           base::quote(other.name) + " (" + text + ")",
                       "choose another one, or leave it out");
            }
        }
    }
}

void complete_v4(store::NetworkRecord& wish, const std::vector<store::NetworkRecord>& others) {
    net::Subnet subnet;
    if (wish.subnet.empty()) {
        const auto routes = base::try_read_file_at(AT_FDCWD, "/proc/net/route", 1 << 20);
        subnet = net::choose_subnet(routes.value_or(""), taken_subnets(others));
    } else {
        constexpr unsigned kLongest = 30, kShortest = 8;
        subnet = subnet_of(wish.subnet, "subnet", false);
        if (subnet.prefix > kLongest || subnet.prefix < kShortest) {
            refuse("subnet " + base::quote(wish.subnet) + " has no room for containers",
                   "use a prefix from /8 to /30");
        }
        check_not_taken(subnet, others);
    }
    wish.subnet = subnet.str();
    if (wish.gateway.empty()) wish.gateway = subnet.at(1).str();
    const auto gateway = net::try_parse_address(wish.gateway);
    if (!gateway || !subnet.contains(*gateway) || *gateway == subnet.base) {
        refuse("gateway " + base::quote(wish.gateway) + " is no address of " + subnet.str());
    }
    if (wish.ip_range.empty()) return;
    const net::Subnet range = subnet_of(wish.ip_range, "IP range", false);
    if (!subnet.contains(range.base) || range.prefix < subnet.prefix) {
        refuse("IP range " + base::quote(wish.ip_range) + " is not inside " + subnet.str());
    }
}

void complete(store::NetworkRecord& wish, const std::vector<store::NetworkRecord>& others) {
    complete_v4(wish, others);
    if (!wish.ipv6) {
        if (!wish.subnet6.empty()) refuse("an IPv6 subnet and no IPv6 contradict each other");
        return;
    }
    if (wish.subnet6.empty()) {
        wish.subnet6 = choose_subnet_v6(taken_subnets(others)).str();
        return;
    }
    const net::Subnet subnet = subnet_of(wish.subnet6, "IPv6 subnet", true);
    constexpr unsigned kLongest = 126;
    if (subnet.prefix > kLongest) refuse("subnet " + subnet.str() + " has no room for containers");
    check_not_taken(subnet, others);
}

}  // namespace

net::NetworkPlan plan_of(const store::NetworkRecord& record) {
    net::NetworkPlan plan;
    plan.name = record.name;
    plan.internal = record.internal;
    plan.ipv6 = record.ipv6;
    plan.v4_names = !record.ipv6_names;
    plan.link_local = record.link_local;
    plan.host_ports = record.host_ports;
    plan.subnet_v4 = net::try_parse_subnet(record.subnet);
    plan.subnet_v6 = net::try_parse_subnet(record.subnet6);
    plan.gateway_v4 = net::try_parse_address(record.gateway);
    plan.range_v4 = net::try_parse_subnet(record.ip_range);
    if (!plan.subnet_v4) {
        throw base::IntegrityError(
            "the record of network " + base::quote(record.name) + " is damaged",
            "remove the network and make it again");
    }
    return plan;
}

net::HolderPlace holder_place(const store::Store& store, const store::NetworkRecord& record) {
    return {store::NetworkStore(store).directory(), record.id};
}

store::NetworkRecord create_network(const store::Store& store, const NetworkWishes& wishes) {
    if (wishes.name == "private" || wishes.name == "bridge" || wishes.name == "host" ||
        wishes.name == "none" || wishes.name == "default") {
        refuse("network name " + base::quote(wishes.name) + " is taken by a mode of --network",
               "choose another one");
    }
    store::NetworkRecord wish;
    wish.name = wishes.name;
    wish.subnet = wishes.subnet;
    wish.gateway = wishes.gateway;
    wish.ip_range = wishes.ip_range;
    wish.subnet6 = wishes.subnet6;
    wish.internal = wishes.internal;
    wish.ipv6 = wishes.ipv6;
    wish.ipv6_names = wishes.ipv6 && wishes.ipv6_names;
    wish.link_local = wishes.link_local;
    wish.host_ports = wishes.host_ports;
    wish.labels = wishes.labels;
    wish.options = wishes.options;
    return store::NetworkStore(store).create(std::move(wish), complete);
}

std::string shown_network(const std::string& name) {
    return name == kPrivateNetwork ? kShownPrivate : name;
}

std::optional<store::NetworkRecord> try_builtin_network(const std::string& name_or_id) {
    store::NetworkRecord record;
    std::string name = name_or_id;
    for (const char* each : {kShownPrivate, "host", "none"}) {
        if (is_beginning_of_id(name, base::sha256_hex(each))) name = each;
    }
    record.name = shown_network(name);
    if (record.name == kShownPrivate) {
        const net::Subnet subnet = *net::try_parse_subnet(kPrivateSubnet);
        record.subnet = kPrivateSubnet;
        record.gateway = subnet.at(1).str();
    } else if (name != "host" && name != "none") {
        return std::nullopt;
    }
    record.id = base::sha256_hex(record.name);
    return record;
}

std::string shown_network_id(const store::NetworkPlace& place) {
    if (!place.id.empty() || place.name.empty()) return place.id;
    const auto builtin = try_builtin_network(place.name);
    return builtin ? builtin->id : "";
}

std::string network_name(const store::Store& store, const std::string& name_or_id) {
    if (const auto builtin = try_builtin_network(name_or_id)) return builtin->name;
    const auto record = store::NetworkStore(store).try_find(name_or_id);
    return record ? record->name : name_or_id;
}

const char* network_driver(const store::NetworkRecord& record) noexcept {
    return record.name == "host" ? "host" : record.name == "none" ? "null" : "bridge";
}

store::NetworkRecord find_network(const store::Store& store, const std::string& name) {
    if (auto record = store::NetworkStore(store).try_find(name)) return std::move(*record);
    if (try_builtin_network(name)) {
        refuse("network " + name + " is built in", "it can neither be changed nor removed");
    }
    std::vector<std::string> names;
    for (const store::NetworkRecord& each : store::NetworkStore(store).list()) {
        names.push_back(each.name);
    }
    for (const char* mode : {"private", "bridge", "host", "none"}) names.emplace_back(mode);
    const auto nearest = base::try_nearest(name, names);
    throw base::NotFoundError(
        "network " + name + " not found",
        nearest ? "did you mean \"" + *nearest + "\"?" : "sandbox network create " + name);
}

std::vector<NetworkUser> network_users(const store::Store& store, const std::string& network) {
    std::vector<NetworkUser> users;
    for (const ContainerRow& row : list_containers(store)) {
        if (std::find(row.networks.begin(), row.networks.end(), network) == row.networks.end()) {
            continue;
        }
        const bool running =
            row.state == "running" || row.state == "paused" || row.state == "restarting";
        users.push_back({row.id, row.name, running});
    }
    return users;
}

void remove_network(const store::Store& store, const std::string& name, bool stopped_too) {
    const store::NetworkRecord record = find_network(store, name);
    store::NetworkStore(store).remove(record, [&] {
        for (const NetworkUser& user : network_users(store, record.name)) {
            if (!user.running && !stopped_too) continue;
            throw base::Error(
                "network " + record.name + " is in use by container " +
                    base::quote(user.name.empty() ? user.id.substr(0, 12) : user.name),
                "stop it, or disconnect it", kFailure);
        }
        if (!net::wait_for_holder_end(holder_place(store, record), kHolderPatience)) {
            throw base::Error("network " + record.name + " is in use by a container that starts",
                              "try again", kFailure);
        }
    });
}

std::vector<std::string> prune_networks(
    const store::Store& store, const std::function<bool(const store::NetworkRecord&)>& wanted) {
    std::vector<std::string> removed;
    for (const store::NetworkRecord& record : store::NetworkStore(store).list()) {
        if (wanted && !wanted(record)) continue;
        if (!network_users(store, record.name).empty()) continue;
        try {
            remove_network(store, record.name, true);
            removed.push_back(record.name);
        } catch (const base::NotFoundError&) {  // somebody else was faster
        }
    }
    return removed;
}

}  // namespace sandbox::engine
