#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/documents.hpp"
#include "cli/failures.hpp"
#include "cli/listing_flags.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/engine/networks.hpp"

namespace sandbox::cli {
namespace {

using base::json::Array;
using base::json::Object;
using base::json::Value;

constexpr Flag kFlags[] = {
    kInspectFormatFlag,
    {"-v,--verbose", FlagKind::toggle, "", "accepted: there is no more to say"},
};

Value pool(const std::string& subnet, const std::string& gateway, const std::string& range) {
    Object one{{"Subnet", subnet}};
    if (!range.empty()) one["IPRange"] = range;
    if (!gateway.empty()) one["Gateway"] = gateway;
    return one;
}

std::string with_prefix(const std::string& address, unsigned prefix) {
    return address.empty() ? "" : address + "/" + std::to_string(prefix);
}

// Those that run: their states know the addresses.
Value containers_of(const store::Store& store, const store::NetworkRecord& record) {
    Object all;
    for (const engine::NetworkUser& user : engine::network_users(store, record.name)) {
        if (!user.running) continue;
        for (const auto& place : engine::observe_container(store, user.id).network.networks) {
            if (engine::shown_network(place.name) != record.name) continue;
            all[user.id] = Object{{"Name", user.name},
                                  {"EndpointID", ""},
                                  {"MacAddress", place.mac},
                                  {"IPv4Address", with_prefix(place.ipv4, place.prefix)},
                                  {"IPv6Address", with_prefix(place.ipv6, place.prefix_v6)}};
        }
    }
    return all;
}

}  // namespace

Value network_document(const store::Store& store, const store::NetworkRecord& record) {
    Array pools;
    if (!record.subnet.empty()) {
        pools.push_back(pool(record.subnet, record.gateway, record.ip_range));
    }
    if (!record.subnet6.empty()) pools.push_back(pool(record.subnet6, "", ""));
    return Object{
        {"Name", record.name},
        {"Id", record.id},
        {"Created", base::format_rfc3339(record.created)},
        {"Scope", "local"},
        {"Driver", engine::network_driver(record)},
        {"EnableIPv4", true},
        {"EnableIPv6", record.ipv6_names},
        {"IPAM",
         Object{{"Driver", "default"}, {"Options", Object{}}, {"Config", std::move(pools)}}},
        {"Internal", record.internal},
        {"Attachable", false},
        {"Ingress", false},
        {"ConfigFrom", Object{{"Network", ""}}},
        {"ConfigOnly", false},
        {"Containers", containers_of(store, record)},
        {"Options", record.options},
        {"Labels", record.labels}};
}

Value find_network_document(const store::Store& store, const std::string& name) {
    const auto builtin = engine::try_builtin_network(name);
    return network_document(store, builtin ? *builtin : engine::find_network(store, name));
}

namespace {

int run(Context& context, const Invocation& in) {
    Failures failures;
    std::vector<Value> documents;
    for (const std::string& name : in.arguments()) {
        failures.attempt(
            [&] { documents.push_back(find_network_document(context.store(), name)); });
    }
    context.out.write(render_inspect(documents, in.value_or("format", "")));
    return failures.code();
}

}  // namespace

constinit const Command kNetworkInspectCommand = {
    .names = "network inspect",
    .arguments = "NETWORK [NETWORK...]",
    .summary = "Show all about networks",
    .flags = kFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run,
    .completes = Completes::networks,
};

}  // namespace sandbox::cli
