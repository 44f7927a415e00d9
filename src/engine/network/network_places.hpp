// A container's places on its networks, as its supervisor keeps them.
//
// Theory. Each network knows one link of the container. The first network that leads outside has
// the default route, the published ports and the name server; what the names of the others are,
// their holders tell us, and we tell the first one, for this container alone. Networks come and go
// while the container runs: the first one's part falls to the next. A holder that dies takes its
// link along: then another one is started and the container joined anew, with the addresses it had.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/network/place_member.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/engine/container_spec.hpp"
#include "sandbox/net/published_port.hpp"
#include "sandbox/store/network_facts.hpp"
#include "sandbox/store/network_store.hpp"

namespace sandbox::engine {

class NetworkPlaces {
  public:
    // What of the container counts on every network.
    struct Owner {
        std::string name, hostname, id;
        std::vector<std::uint16_t> host_ports;
        bool link_local = false;
        std::vector<std::string> name_servers;  // --dns; empty: the host's
    };
    // `store` and `loop` are borrowed.
    NetworkPlaces(Owner owner, const store::Store& store, base::PollLoop& loop);
    ~NetworkPlaces();
    NetworkPlaces(const NetworkPlaces&) = delete;
    NetworkPlaces& operator=(const NetworkPlaces&) = delete;

    // Before a launch: all networks of the spec, and the sockets of its ports, which stay ours,
    // too: they are kept when a holder dies. Throws Error.
    // begun: as enter_private()'s.
    void enter_all(const std::vector<NetworkUse>& uses, std::vector<net::HostPort> ports,
                   net::ProjectNetwork* begun);
    // The first one's address stands first. Empty: on no network.
    [[nodiscard]] std::vector<std::string> own_addresses() const;
    [[nodiscard]] std::string name_server() const;  // empty: none
    [[nodiscard]] std::vector<std::uint8_t> setup() const;
    void join_all(int netns_fd);
    // After join_all().
    void publish_all();

    // While it runs. Throw Error.
    void connect(const NetworkUse& use);
    void disconnect(const std::string& network);
    void rename(const std::string& name);

    void add_facts(store::NetworkFacts& facts) const;

  private:
    struct Place {
        NetworkUse use;
        store::NetworkRecord record;
        net::NetworkPlan plan;
        net::AttachPlan wish;
        size_t link = 0;
        std::unique_ptr<PlaceMember> member;  // null: its holder died
        std::optional<base::PollLoop::Token> token, retry;
        std::chrono::milliseconds pause{0};
        int tries = 0;  // to come back
        [[nodiscard]] bool is_private() const noexcept { return plan.lone; }
    };
    Place& add(const NetworkUse& use, size_t link_number);
    [[nodiscard]] Place* choose_first() noexcept;
    void change_first(Place* next, bool leads_out_already);
    void reopen_ports();
    void enter(Place& place, net::ProjectNetwork* begun = nullptr);
    void enter_late(Place& place);
    void watch(Place& place);
    void forget(Place& place);
    void on_news(Place& place);
    void tell_view();
    void lose(Place& place);
    void retry_later(Place& place);
    void come_back(Place& place);
    [[nodiscard]] size_t free_link() const;  // the lowest N of "ethN" that none of ours has
    [[nodiscard]] std::vector<std::string> names_on(const Place& place) const;

    Owner owner_;
    const store::Store& store_;
    base::PollLoop& loop_;
    std::vector<net::HostPort> ports_;        // open while there is a way outside
    std::vector<net::PublishedPort> wishes_;  // what they were
    std::list<Place> places_;
    Place* first_ = nullptr;
    std::vector<net::NamedAddresses> view_;
    base::UniqueFd netns_;
    bool joined_ = false;
};

}  // namespace sandbox::engine
