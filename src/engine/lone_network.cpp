// A container by itself is a project of one: its network is its supervisor's.
#include <optional>
#include <utility>

#include "engine/container_network.hpp"
#include "sandbox/net/gateway.hpp"

namespace sandbox::engine {
namespace {

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

class LoneNetwork final : public ContainerNetwork {
  public:
    LoneNetwork(ContainerSpec& spec, std::vector<net::HostPort> ports, const net::NetworkPlan& plan,
                base::PollLoop& loop)
        : loop_(loop), ports_(std::move(ports)), network_(begin_network(plan)) {
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
        plan_.netns_fd = netns_fd;
        attached_ = network_.attach(plan_).id;
        if (!gateway_) gateway_.emplace(network_, loop_);
        gateway_->update();
        for (net::HostPort& port : std::exchange(ports_, {})) {
            (void)gateway_->publish(std::move(port), planned_.address_v4);
        }
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
};

}  // namespace

std::unique_ptr<ContainerNetwork> make_lone_network(ContainerSpec& spec,
                                                    std::vector<net::HostPort> ports,
                                                    base::PollLoop& loop) {
    net::NetworkPlan plan;
    plan.lone = true;
    return std::make_unique<LoneNetwork>(spec, std::move(ports), plan, loop);
}

}  // namespace sandbox::engine
