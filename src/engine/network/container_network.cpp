#include "container_network.hpp"

#include "engine/flags/option_flags.hpp"
#include "engine/network/joined_network.hpp"
#include "sandbox/base/log.hpp"

namespace sandbox::engine {
namespace {

std::vector<net::PublishedPort> wishes_of(const ContainerSpec& spec) {
    std::vector<net::PublishedPort> wishes;
    for (const std::string& text : spec.published_ports) {
        for (const auto& port : net::parse_published_port(text)) wishes.push_back(port);
    }
    return wishes;
}

}  // namespace

store::PortMapping mapping_of(const net::HostPort& port) {
    return {std::to_string(port.wish.container_port) + "/" +
                std::string(net::transport_name(port.wish.transport)),
            port.host.address.str(), port.host.port};
}

void complete_spec(ContainerSpec& spec, const std::vector<std::string>& own,
                   const std::string& gateway) {
    // On named networks only the gateway knows the others' names; it asks --dns for the rest.
    if (spec.dns_from_gateway || !spec.networks.empty()) spec.dns_servers = {gateway};
    for (auto& [name, address] : spec.hosts) {
        if (name == spec.hostname && address == "127.0.0.1") address = own.front();
        if (address == kHostGateway) address = gateway;
    }
    if (spec.hosts.empty()) return;
    for (size_t i = 1; i < own.size(); ++i) spec.hosts.emplace_back(spec.hostname, own[i]);
}

std::unique_ptr<ContainerNetwork> ContainerNetwork::make(ContainerSpec& spec,
                                                         const store::Store& store,
                                                         base::PollLoop& loop) {
    if (spec.network != NetworkMode::attached) return nullptr;
    std::vector<net::HostPort> ports = net::open_host_ports(wishes_of(spec));
    if (spec.networks.empty()) return make_lone_network(spec, std::move(ports), store, loop);
    return make_named_network(spec, std::move(ports), store, loop);
}

LaunchedContainer launch_attached(ContainerSpec& spec, LaunchContext context, base::PollLoop& loop,
                                  std::unique_ptr<ContainerNetwork>& network) {
    if (spec.network == NetworkMode::joined) {
        network.reset();
        const JoinedNetwork joined = open_joined_network(context.store, spec);
        context.joined = &joined;
        return launch(spec, context);
    }
    const auto hosts = spec.hosts;
    const auto servers = spec.dns_servers;
    try {
        network.reset();  // that of a former life
        network = ContainerNetwork::make(spec, context.store, loop);
        context.network = network.get();
        LaunchedContainer launched = launch(spec, context);
        if (network) {
            network->open();
            launched.network = network->facts();
        }
        return launched;
    } catch (const NetworkMissing& error) {
        network.reset();
        if (spec.network_required) throw;
        base::log::warning("the container has no network but its loopback: " + error.with_hint());
    }
    spec.network = NetworkMode::none;
    spec.hosts = hosts;
    spec.dns_servers = servers;
    context.network = nullptr;
    context.early = nullptr;  // the first attempt may have used it
    return launch(spec, context);
}

}  // namespace sandbox::engine
