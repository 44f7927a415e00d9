// network create, rm, prune, exists: what changes networks. Listings are in network_ls.cpp, who is
// on one is in network_members.cpp.
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/failures.hpp"
#include "cli/image_filter.hpp"
#include "cli/listing_flags.hpp"
#include "cli/options.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kCreateFlags[] = {
    {"--attachable", FlagKind::toggle, "", "accepted: containers can always be connected"},
    {"-d,--driver", FlagKind::value, "NAME", "only bridge, the default", Completes::words,
     "bridge"},
    {"--gateway", FlagKind::list, "ADDRESS", "the gateway's address; the subnet's first by itself"},
    {"--internal", FlagKind::toggle, "", "no way outside"},
    {"--ip-range", FlagKind::list, "SUBNET",
     "addresses are given out from this part of the subnet"},
    {"--ipam-driver", FlagKind::value, "NAME", "only default", Completes::words, "default"},
    {"--ipv6", FlagKind::toggle, "", "names have IPv6 addresses, too; =false: there is no IPv6"},
    {"--label", FlagKind::list, "NAME[=VALUE]", "label the network"},
    {"-o,--opt", FlagKind::list, "NAME=VALUE",
     "kept for listings; what docker's bridge would do with it has no effect"},
    {"--scope", FlagKind::value, "NAME", "only local", Completes::words, "local"},
    {"--subnet", FlagKind::list, "SUBNET", "the IPv4 subnet, and one of IPv6; chosen by itself"},
};
constexpr RefusedFlag kCreateRefused[] = {
    {"--ipam-opt,--aux-address,--config-from,--config-only",
     "a network is a bridge and a gateway of sandbox's own"},
    {"--ingress", "there is no swarm"},
    {"--disable-dns", "names are what a network is for"},
};
constexpr Flag kRmFlags[] = {
    {"-f,--force", FlagKind::toggle, "", "a network that is not there is no failure"},
};
constexpr Flag kPruneFlags[] = {
    {"--filter", FlagKind::list, "NAME=VALUE",
     "only those of that label, or made before until=TIME"},
    {"-f,--force", FlagKind::toggle, "", "do not ask"},
};

void check_driver(const std::string& driver) {
    if (driver == "bridge" || driver == "private") return;
    if (driver == "overlay" || driver == "macvlan" || driver == "ipvlan") {
        throw base::UsageError(
            "driver " + base::quote(driver) + " needs root and the host's own network devices",
            "leave it out: a bridge needs neither", 1);
    }
    throw base::UsageError("unknown network driver " + base::quote(driver), "only bridge is there",
                           1);
}

void check_word(const Invocation& in, const char* key, std::string_view known) {
    const std::string word = in.value_or(key, std::string(known));
    if (word == known) return;
    throw base::UsageError("--" + std::string(key) + " " + base::quote(word) + " is not available",
                           "only " + std::string(known) + " is there", 1);
}

// Options of docker's bridge and podman's. What would keep containers from each other is refused:
// who asks for it relies on it.
std::map<std::string, std::string> parse_options(const std::vector<std::string>& words) {
    std::map<std::string, std::string> options = parse_labels(words);
    for (const auto& [name, value] : options) {
        const bool isolates = (name == "com.docker.network.bridge.enable_icc" && value == "false");
        if (!isolates) continue;
        throw base::UsageError("--opt " + name + "=" + value + " is not available",
                               "containers on one network reach each other: give each a network",
                               1);
    }
    return options;
}

// One of each family.
void take_pair(const Invocation& in, const char* key, std::string& v4, std::string* v6) {
    for (const std::string& text : in.list(key)) {
        std::string* place = text.find(':') == std::string::npos ? &v4 : v6;
        if (place == nullptr) {
            throw base::UsageError(
                "--" + std::string(key) + " " + base::quote(text) + ": only IPv4's can be chosen",
                {}, 1);
        }
        if (!place->empty()) {
            throw base::UsageError("--" + std::string(key) + " is given twice for one family",
                                   "a network has one subnet of each", 1);
        }
        *place = text;
    }
}

int run_create(Context& context, const Invocation& in) {
    engine::NetworkWishes wishes;
    wishes.name = in.arguments()[0];
    check_driver(in.value_or("driver", "bridge"));
    take_pair(in, "subnet", wishes.subnet, &wishes.subnet6);
    take_pair(in, "gateway", wishes.gateway, nullptr);
    take_pair(in, "ip-range", wishes.ip_range, nullptr);
    check_word(in, "ipam-driver", "default");
    check_word(in, "scope", "local");
    wishes.options = parse_options(in.list("opt"));
    wishes.internal = in.toggle("internal");
    const std::optional<bool> ipv6 = in.try_toggle("ipv6");
    wishes.ipv6 = ipv6.value_or(true);
    wishes.ipv6_names = ipv6.value_or(!wishes.subnet6.empty());
    wishes.labels = parse_labels(in.list("label"));
    store::NetworkStore::check_name(wishes.name);
    context.out.line(engine::create_network(context.store(), wishes).id);
    return 0;
}

int run_rm(Context& context, const Invocation& in) {
    Failures failures;
    for (const std::string& name : in.arguments()) {
        failures.attempt([&] {
            try {
                engine::remove_network(context.store(), name);
            } catch (const base::NotFoundError&) {
                if (!in.toggle("force")) throw;
                return;
            }
            context.out.line(name);
        });
    }
    return failures.code();
}

int run_prune(Context& context, const Invocation& in) {
    const Filters filters = Filters::parse(in.list("filter"), {"label", "label!", "until"});
    (void)fits_prune(filters, {}, 0);  // a bad time is said before anything is asked
    if (!in.toggle("force")) confirm("This removes all networks that no container uses.");
    const auto wanted = [&](const store::NetworkRecord& record) {
        return fits_prune(filters, record.labels, record.created);
    };
    for (const std::string& name : engine::prune_networks(context.store(), wanted)) {
        context.out.line(name);
    }
    return 0;
}

int run_exists(Context& context, const Invocation& in) {
    const std::string& name = in.arguments()[0];
    const bool exists =
        engine::try_builtin_network(name) || store::NetworkStore(context.store()).try_find(name);
    return exists ? 0 : 1;
}

}  // namespace

constinit const Command kNetworkCreateCommand = {
    .names = "network create",
    .arguments = "NAME",
    .summary = "Make a network",
    .flags = kCreateFlags,
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_create,
    .refused = kCreateRefused,
};
constinit const Command kNetworkRmCommand = {
    .names = "network rm,network remove",
    .arguments = "NETWORK [NETWORK...]",
    .summary = "Remove networks",
    .flags = kRmFlags,
    .min_arguments = 1,
    .max_arguments = -1,
    .run = run_rm,
    .completes = Completes::networks,
};
constinit const Command kNetworkPruneCommand = {
    .names = "network prune",
    .arguments = "",
    .summary = "Remove networks that nothing uses",
    .flags = kPruneFlags,
    .min_arguments = 0,
    .max_arguments = 0,
    .run = run_prune,
};
constinit const Command kNetworkExistsCommand = {
    .names = "network exists",
    .arguments = "NETWORK",
    .summary = "Answer by the exit code whether a network exists",
    .flags = {},
    .min_arguments = 1,
    .max_arguments = 1,
    .run = run_exists,
    .completes = Completes::networks,
};

}  // namespace sandbox::cli
