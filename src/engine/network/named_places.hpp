// A container's places on named networks, as its supervisor keeps them.
//
// Theory. Each network's holder knows one link of the container. The first network that leads
// outside has the default route, the published ports and the name server; what the names of the
// others are, their holders tell us, and we tell the first's, for this container alone. A holder
// that dies takes its link along: then another one is started and the container joined anew, with
// the addresses it had.
#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/engine/container_spec.hpp"
#include "sandbox/net/holder.hpp"
#include "sandbox/net/published_port.hpp"
#include "sandbox/store/network_facts.hpp"
#include "sandbox/store/network_store.hpp"

namespace sandbox::engine {

class NamedPlaces {
  public:
    // What of the container counts on every network.
    struct Owner {
        std::string name, id;
        std::vector<std::uint16_t> host_ports;
        bool link_local = false;
        std::vector<std::string> name_servers;  // --dns; empty: the host's
    };
    // `store` and `loop` are borrowed.
    NamedPlaces(Owner owner, const store::Store& store, base::PollLoop& loop);
    ~NamedPlaces();
    NamedPlaces(const NamedPlaces&) = delete;
    NamedPlaces& operator=(const NamedPlaces&) = delete;

    // Before a launch: all networks of the spec, and the sockets of its ports, which stay ours,
    // too: they are kept when a holder dies. Throws Error.
    void enter_all(const std::vector<NetworkUse>& uses, std::vector<net::HostPort> ports);
    // The first one's address stands first.
    [[nodiscard]] std::vector<std::string> own_addresses() const;
    [[nodiscard]] std::string name_server() const;
    [[nodiscard]] std::vector<std::uint8_t> setup() const;
    void join_all(int netns_fd);

    // While it runs. `netns_fd` is borrowed. Throw Error.
    void connect(const NetworkUse& use, int netns_fd, size_t link_number);
    void disconnect(const std::string& network);
    void rename(const std::string& name);

    // Names of the networks that have not the name server, when none of ours has it.
    void on_view(std::function<void(const std::vector<net::NamedAddresses>&)> observer);
    [[nodiscard]] bool is_on(const std::string& network) const;
    [[nodiscard]] size_t size() const noexcept { return places_.size(); }
    // The lowest N of "ethN" that none of ours has, from `from` on.
    [[nodiscard]] size_t free_link(size_t from) const;
    void add_facts(store::NetworkFacts& facts) const;
    // After join_all().
    void publish_all();

  private:
    struct Place {
        NetworkUse use;
        store::NetworkRecord record;
        net::NetworkPlan plan;
        net::AttachPlan wish;
        size_t link = 0;
        std::optional<net::NetworkMember> member;
        std::optional<base::PollLoop::Token> token, retry;
        std::chrono::milliseconds pause{0};
        int tries = 0;  // to come back
    };
    Place& add(const NetworkUse& use, size_t link_number);
    void choose_first();
    void enter(Place& place);
    void watch(Place& place);
    void forget(Place& place);
    void on_news(Place& place);
    void tell_view();
    void lose(Place& place);
    void retry_later(Place& place);
    void come_back(Place& place);
    [[nodiscard]] std::vector<std::string> names_on(const NetworkUse& use) const;

    Owner owner_;
    const store::Store& store_;
    base::PollLoop& loop_;
    std::vector<net::HostPort> ports_;
    std::list<Place> places_;
    Place* first_ = nullptr;
    std::function<void(const std::vector<net::NamedAddresses>&)> observer_;
    std::vector<net::NamedAddresses> view_;
    base::UniqueFd netns_;
    bool joined_ = false;
};

}  // namespace sandbox::engine
