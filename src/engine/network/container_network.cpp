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

ContainerNetwork::ContainerNetwork(ContainerSpec& spec, std::vector<net::HostPort> ports,
                                   const store::Store& store, base::PollLoop& loop,
                                   net::ProjectNetwork* begun)
    : hostname_(spec.hostname),
      places_({spec.name, spec.hostname, spec.id, spec.host_ports, spec.link_local,
               spec.dns_from_gateway ? std::vector<std::string>{} : spec.dns_servers},
              store, loop) {
    std::vector<NetworkUse> uses = spec.networks;
    if (uses.empty()) uses.push_back({kPrivateNetwork, {}, {}, {}, {}});
    places_.enter_all(uses, std::move(ports), begun);
    setup_ = places_.setup();
    complete_spec(spec, places_.own_addresses(), places_.name_server());
    make_facts();
}

void ContainerNetwork::make_facts() {
    facts_ = {};
    places_.add_facts(facts_);
    if (std::string server = places_.name_server(); !server.empty()) name_server_ = server;
}

void ContainerNetwork::connect(const NetworkUse& use) {
    places_.connect(use);
    make_facts();
}

void ContainerNetwork::disconnect(const std::string& network) {
    places_.disconnect(network);
    make_facts();
}

OwnWords ContainerNetwork::own_words() const {
    return {hostname_, places_.own_addresses(), name_server_};
}

std::unique_ptr<ContainerNetwork> ContainerNetwork::make(ContainerSpec& spec,
                                                         const store::Store& store,
                                                         base::PollLoop& loop,
                                                         net::ProjectNetwork* begun) {
    if (spec.network != NetworkMode::attached) return nullptr;
    std::vector<net::HostPort> ports = net::open_host_ports(wishes_of(spec));
    return std::make_unique<ContainerNetwork>(spec, std::move(ports), store, loop, begun);
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
        network = ContainerNetwork::make(spec, context.store, loop, context.private_network);
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
