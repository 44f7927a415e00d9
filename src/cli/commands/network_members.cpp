// network connect and disconnect: who is on a network.
#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/networks.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kConnectFlags[] = {
    {"--alias", FlagKind::list, "NAME", "a further name that others know it by"},
    {"--ip", FlagKind::value, "ADDRESS", "its IPv4 address there"},
    {"--ip6", FlagKind::value, "ADDRESS", "its IPv6 address there"},
};
constexpr RefusedFlag kConnectRefused[] = {
    {"--link,--link-local-ip,--driver-opt,--gw-priority",
     "a network is a bridge and a gateway of sandbox's own"},
};
constexpr Flag kDisconnectFlags[] = {
    {"-f,--force", FlagKind::toggle, "", "one that is not on it is no failure"},
};

int run_connect(Context& context, const Invocation& in) {
    engine::MemberWishes wishes;
    wishes.aliases = in.list("alias");
    wishes.ip = in.value_or("ip", "");
    wishes.ip6 = in.value_or("ip6", "");
    engine::connect_network(context.store(), in.arguments()[0], in.arguments()[1], wishes);
    return 0;
}

int run_disconnect(Context& context, const Invocation& in) {
    try {
        engine::disconnect_network(context.store(), in.arguments()[0], in.arguments()[1]);
    } catch (const base::NotFoundError&) {
        if (!in.toggle("force")) throw;
    }
    return 0;
}

}  // namespace

constinit const Command kNetworkConnectCommand = {
    .names = "network connect",
    .arguments = "NETWORK CONTAINER",
    .summary = "Put a container on one more network",
    .flags = kConnectFlags,
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_connect,
    .completes = Completes::networks,
    .refused = kConnectRefused,
};
constinit const Command kNetworkDisconnectCommand = {
    .names = "network disconnect",
    .arguments = "NETWORK CONTAINER",
    .summary = "Take a container off a network",
    .flags = kDisconnectFlags,
    .min_arguments = 2,
    .max_arguments = 2,
    .run = run_disconnect,
    .completes = Completes::networks,
};

}  // namespace sandbox::cli
