// A container by itself is a project of one: its network is its supervisor's.
#include <fcntl.h>

#include <optional>
#include <utility>

#include "engine/network/container_network.hpp"
#include "engine/network/named_places.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/net/gateway.hpp"

namespace sandbox::engine {
namespace {

template <typename F>
decltype(auto) missing_on_error(F&& action) {
    try {
        return action();
    } catch (const kernel::NamespacesRefused&) {
        throw;  // without a network it would not start either
    } catch (const base::Error& error) {
        throw NetworkMissing(error.message(), error.hint(), error.code());
    }
}

net::ProjectNetwork begin_network(const net::NetworkPlan& plan) {
    return missing_on_error([&plan] { return net::ProjectNetwork::begin(plan); });
}

class LoneNetwork final : public ContainerNetwork {
  public:
    LoneNetwork(ContainerSpec& spec, std::vector<net::HostPort> ports, const net::NetworkPlan& plan,
                const store::Store& store, base::PollLoop& loop)
        : loop_(loop),
          ports_(std::move(ports)),
          network_(begin_network(plan)),
          others_({spec.name, spec.id, spec.host_ports, spec.link_local, {}}, store, loop) {
        others_.on_view([this](const std::vector<net::NamedAddresses>& names) {
            network_.set_view(*attached_, names);
            gateway_->update();
        });
        plan_.names = {spec.hostname, spec.name};
        plan_.configures_itself = true;
        plan_.mac = net::random_mac();
        planned_ = network_.plan_attachment(plan_);
        make_facts();
        complete_spec(spec, {planned_.address_v4.str()}, network_.gateway_v4().str());
    }
    [[nodiscard]] const std::vector<std::uint8_t>& setup() const noexcept override {
        return planned_.inside;
    }
    [[nodiscard]] const store::NetworkFacts& facts() const noexcept override { return facts_; }
    void join(int netns_fd) override {
        missing_on_error([this] { network_.finish(); });
        if (attached_) network_.detach(*attached_);
        netns_.reset(base::raw::fcntl(netns_fd, F_DUPFD_CLOEXEC, 0));
        plan_.netns_fd = netns_fd;
        attached_ = network_.attach(plan_).id;
        if (!gateway_) gateway_.emplace(network_, loop_);
        gateway_->update();
        for (net::HostPort& port : std::exchange(ports_, {})) {
            (void)gateway_->publish(std::move(port), planned_.address_v4);
        }
    }

    void connect(const NetworkUse& use) override {
        others_.connect(use, netns_.get(), others_.free_link(1));
        facts_.networks.resize(1);
        others_.add_facts(facts_);
    }
    void disconnect(const std::string& network) override {
        if (network == "private") {
            throw base::Error("the private network is the container's own and stays",
                              "make the container with --network none, or on a named network");
        }
        others_.disconnect(network);
        facts_.networks.resize(1);
        others_.add_facts(facts_);
    }
    void rename(const std::string& name) override {
        plan_.names.back() = name;
        if (attached_) network_.set_names(*attached_, plan_.names);
        if (gateway_) gateway_->update();
        others_.rename(name);
    }

  private:
    void make_facts() {
        for (const net::HostPort& port : ports_) facts_.ports.push_back(mapping_of(port));
        store::NetworkPlace place;
        place.name = "private";
        place.ipv4 = planned_.address_v4.str();
        place.gateway = network_.gateway_v4().str();
        place.prefix = network_.subnet_v4().prefix;
        if (planned_.address_v6) {
            place.ipv6 = planned_.address_v6->str();
            place.prefix_v6 = network_.subnet_v6()->prefix;
            place.gateway_v6 = network_.gateway_v6()->str();
        }
        place.mac = net::mac_text(*plan_.mac);
        facts_.networks.push_back(std::move(place));
    }

    base::PollLoop& loop_;
    std::vector<net::HostPort> ports_;  // until the container is joined
    net::AttachPlan plan_;
    net::Attachment planned_;
    store::NetworkFacts facts_;
    std::optional<std::uint32_t> attached_;
    net::ProjectNetwork network_;
    std::optional<net::Gateway> gateway_;
    base::UniqueFd netns_;
    NamedPlaces others_;  // connected later
};

}  // namespace

std::unique_ptr<ContainerNetwork> make_lone_network(ContainerSpec& spec,
                                                    std::vector<net::HostPort> ports,
                                                    const store::Store& store,
                                                    base::PollLoop& loop) {
    net::NetworkPlan plan;
    plan.lone = true;
    plan.host_ports = spec.host_ports;
    plan.link_local = spec.link_local;
    return std::make_unique<LoneNetwork>(spec, std::move(ports), plan, store, loop);
}

}  // namespace sandbox::engine
