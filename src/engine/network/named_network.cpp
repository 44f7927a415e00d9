// A container whose networks are named ones: all of them are its holders'.
#include <fcntl.h>

#include "engine/network/container_network.hpp"
#include "engine/network/named_places.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

class NamedNetwork final : public ContainerNetwork {
  public:
    NamedNetwork(ContainerSpec& spec, std::vector<net::HostPort> ports, const store::Store& store,
                 base::PollLoop& loop)
        : places_({spec.name, spec.id, spec.host_ports, spec.link_local,
                   spec.dns_from_gateway ? std::vector<std::string>{} : spec.dns_servers},
                  store, loop) {
        places_.enter_all(spec.networks, std::move(ports));
        setup_ = places_.setup();
        complete_spec(spec, places_.own_addresses(), places_.name_server());
        make_facts();
    }
    [[nodiscard]] const std::vector<std::uint8_t>& setup() const noexcept override {
        return setup_;
    }
    [[nodiscard]] const store::NetworkFacts& facts() const noexcept override { return facts_; }
    void join(int netns_fd) override {
        netns_.reset(base::raw::fcntl(netns_fd, F_DUPFD_CLOEXEC, 0));
        places_.join_all(netns_fd);
    }
    void open() override { places_.publish_all(); }
    void connect(const NetworkUse& use) override {
        places_.connect(use, netns_.get(), places_.free_link(0));
        make_facts();
    }
    void disconnect(const std::string& network) override {
        places_.disconnect(network);
        make_facts();
    }
    void rename(const std::string& name) override { places_.rename(name); }

  private:
    void make_facts() {
        facts_ = {};
        places_.add_facts(facts_);
    }
    base::UniqueFd netns_;
    NamedPlaces places_;
    std::vector<std::uint8_t> setup_;
    store::NetworkFacts facts_;
};

}  // namespace

std::unique_ptr<ContainerNetwork> make_named_network(ContainerSpec& spec,
                                                     std::vector<net::HostPort> ports,
                                                     const store::Store& store,
                                                     base::PollLoop& loop) {
    return std::make_unique<NamedNetwork>(spec, std::move(ports), store, loop);
}

}  // namespace sandbox::engine
