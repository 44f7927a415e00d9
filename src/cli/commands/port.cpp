#include <algorithm>

#include "cli/commands.hpp"
#include "cli/context.hpp"
#include "cli/project_flags.hpp"
#include "cli/project_scope.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/net/address.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::cli {
namespace {

constexpr Flag kFlags[] = {
    kIndexFlag,
    {"--protocol", FlagKind::value, "tcp|udp", "of a port that does not say it (default tcp)",
     Completes::words, "tcp udp"},
};

std::string host_text(const store::PortMapping& port) {
    const bool v6 = port.host_address.find(':') != port.host_address.npos;
    return (v6 ? "[" + port.host_address + "]" : port.host_address) + ":" +
           std::to_string(port.host_port);
}

// "80", "80/tcp", "80/UDP" → "80/tcp"
std::string port_key(const std::string& text, const std::string& fallback) {
    const std::vector<std::string> parts = base::split(text, '/', 2);
    const std::string protocol = base::to_lower(parts.size() == 2 ? parts[1] : fallback);
    const auto number = base::try_parse_u64(parts[0]);
    if (!number || *number == 0 || *number > 65535 || (protocol != "tcp" && protocol != "udp")) {
        throw base::UsageError(base::quote(text) + " is not a port", "PORT[/tcp|/udp]");
    }
    return std::to_string(*number) + "/" + protocol;
}

int run_port(Context& context, const Invocation& in) {
    const std::string name =
        ProjectScope(context, in).container(in.arguments()[0], container_index(in));
    const store::ContainerEntry entry = store::ContainerStore(context.store()).find(name);
    const auto state = engine::observe_container(context.store(), entry.id);
    const bool all = in.arguments().size() < 2;
    const std::string wanted =
        all ? "" : port_key(in.arguments()[1], in.value_or("protocol", "tcp"));
    bool found = false;
    for (const store::PortMapping& port : state.network.ports) {
        if (!all && port.port != wanted) continue;
        context.out.line(all ? port.port + " -> " + host_text(port) : host_text(port));
        found = true;
    }
    if (all || found) return 0;
    throw base::Error(
        "port " + wanted + " of container " + base::quote(entry.name) + " is not published",
        state.pid == 0 ? "the container does not run" : "publish it by run -p");
}

}  // namespace

constinit const Command kPortCommand = {
    .names = "port,container port,compose port",
    .arguments = "SERVICE|CONTAINER [PORT[/tcp|/udp]]",
    .summary = "Tell where on the host the ports of a container are",
    .flags = kFlags,
    .min_arguments = 1,
    .max_arguments = 2,
    .run = run_port,
    .completes = Completes::containers,
};

}  // namespace sandbox::cli
