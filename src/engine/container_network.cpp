#include "container_network.hpp"

#include <optional>

#include "engine/option_flags.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/net/gateway.hpp"

namespace sandbox::engine {
namespace {

std::vector<net::PublishedPort> wishes_of(const ContainerSpec& spec) {
    std::vector<net::PublishedPort> wishes;
    for (const std::string& text : spec.published_ports) {
        for (const auto& port : net::parse_published_port(text)) wishes.push_back(port);
    }
    return wishes;
}

store::PortMapping mapping_of(const net::HostPort& port) {
    return {std::to_string(port.wish.container_port) + "/" +
                std::string(net::transport_name(port.wish.transport)),
            port.host.address.str(), port.host.port};
}

template <typename F>
decltype(auto) missing_on_error(F&& action) {
    try {
        return action();
    } catch (const base::Error& error) {
        throw NetworkMissing(error.message(), error.hint(), error.code());
    }
}

net::ProjectNetwork begin_network(const net::NetworkPlan& plan) {
    return missing_on_error([&plan] { return net::ProjectNetwork::begin(plan); });
}

}  // namespace

struct ContainerNetwork::Impl {
    Impl(net::ProjectNetwork its_network, base::PollLoop& its_loop)
        : loop(its_loop), network(std::move(its_network)) {}
    base::PollLoop& loop;
    std::vector<net::HostPort> ports;  // until the container is joined
    net::AttachPlan plan;
    net::Attachment planned;
    store::NetworkFacts facts;
    std::optional<std::uint32_t> attached;
    net::ProjectNetwork network;
    std::optional<net::Gateway> gateway;
};

namespace {

store::NetworkFacts facts_of(const ContainerNetwork::Impl& impl) {
    store::NetworkFacts facts;
    for (const net::HostPort& port : impl.ports) facts.ports.push_back(mapping_of(port));
    store::NetworkPlace place;
    place.name = "private";
    place.ipv4 = impl.planned.address_v4.str();
    place.gateway = impl.network.gateway_v4().str();
    place.prefix = impl.network.subnet_v4().prefix;
    if (impl.planned.address_v6) {
        place.ipv6 = impl.planned.address_v6->str();
        place.prefix_v6 = impl.network.subnet_v6()->prefix;
        place.gateway_v6 = impl.network.subnet_v6()->at(1).str();
    }
    place.mac = net::mac_text(*impl.plan.mac);
    facts.networks.push_back(std::move(place));
    return facts;
}

}  // namespace

ContainerNetwork::ContainerNetwork(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ContainerNetwork::~ContainerNetwork() = default;

std::unique_ptr<ContainerNetwork> ContainerNetwork::make(ContainerSpec& spec,
                                                         base::PollLoop& loop) {
    if (spec.network != NetworkMode::attached) return nullptr;
    std::vector<net::HostPort> ports = net::open_host_ports(wishes_of(spec));
    net::NetworkPlan plan;
    plan.lone = true;
    auto impl = std::make_unique<Impl>(begin_network(plan), loop);
    impl->ports = std::move(ports);
    impl->plan.names = {spec.hostname, spec.name};
    impl->plan.configures_itself = true;
    impl->plan.mac = net::random_mac();
    impl->planned = impl->network.plan_attachment(impl->plan);
    impl->facts = facts_of(*impl);
    if (spec.dns_from_gateway) spec.dns_servers = {impl->network.gateway_v4().str()};
    for (auto& [name, address] : spec.hosts) {
        if (name == spec.hostname && address == "127.0.0.1") {
            address = impl->planned.address_v4.str();
        }
        if (address == kHostGateway) address = impl->network.gateway_v4().str();
    }
    return std::make_unique<ContainerNetwork>(std::move(impl));
}

const store::NetworkFacts& ContainerNetwork::facts() const noexcept {
    return impl_->facts;
}

const std::vector<std::uint8_t>& ContainerNetwork::setup() const noexcept {
    return impl_->planned.inside;
}

void ContainerNetwork::join(int netns_fd) {
    Impl& own = *impl_;
    missing_on_error([&own] { own.network.finish(); });
    if (own.attached) own.network.detach(*own.attached);
    own.plan.netns_fd = netns_fd;
    own.attached = own.network.attach(own.plan).id;
    if (!own.gateway) own.gateway.emplace(own.network, own.loop);
    own.gateway->update();
    for (net::HostPort& port : std::exchange(own.ports, {})) {
        (void)own.gateway->publish(std::move(port), own.planned.address_v4);
    }
}

LaunchedContainer launch_attached(ContainerSpec& spec, LaunchContext context, base::PollLoop& loop,
                                  std::unique_ptr<ContainerNetwork>& network) {
    const auto hosts = spec.hosts;
    const auto servers = spec.dns_servers;
    try {
        network.reset();  // that of a former life
        network = ContainerNetwork::make(spec, loop);
        context.network = network.get();
        LaunchedContainer launched = launch(spec, context);
        if (network) launched.network = network->facts();
        return launched;
    } catch (const NetworkMissing& error) {
        network.reset();
        if (spec.network_required) throw;
        base::log::warning("the container has no network but its loopback: " + error.message() +
                           (error.hint().empty() ? "" : " (" + error.hint() + ")"));
    }
    spec.network = NetworkMode::none;
    spec.hosts = hosts;
    spec.dns_servers = servers;
    context.network = nullptr;
    return launch(spec, context);
}

}  // namespace sandbox::engine
