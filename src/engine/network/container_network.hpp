// The way out and in of a container that is attached: its ports on the host, and its places on
// networks (network_places.hpp). One that names none has a private network of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/launch.hpp"
#include "engine/network/network_places.hpp"
#include "engine/network/own_words.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/engine/container_spec.hpp"
#include "sandbox/net/published_port.hpp"

namespace sandbox::engine {

class ContainerNetwork {
  public:
    // Null when spec.network is another than attached. Takes the ports: one that is taken is an
    // error before anything starts. Begins to make the network, by a child, and completes the spec:
    // name server and own address in hosts. `loop` serves the gateway and must outlive this.
    // begun: LaunchContext::private_network.
    [[nodiscard]] static std::unique_ptr<ContainerNetwork> make(ContainerSpec& spec,
                                                                const store::Store& store,
                                                                base::PollLoop& loop,
                                                                net::ProjectNetwork* begun);
    // What make() does for an attached one; `ports` are the spec's.
    ContainerNetwork(ContainerSpec& spec, std::vector<net::HostPort> ports,
                     const store::Store& store, base::PollLoop& loop, net::ProjectNetwork* begun);
    // For the container's first process, to say to its kernel after join(): child/plan.hpp.
    [[nodiscard]] const std::vector<std::uint8_t>& setup() const noexcept { return setup_; }
    // The container's network namespace: from here on it is joined to the network. May be called
    // again for another attempt. Throws NetworkMissing when there is no network.
    void join(int netns_fd) { places_.join_all(netns_fd); }
    // The container has configured its side. Not earlier: whoever came through a published port
    // before would wait for the second try of ARP, a whole second.
    void open() { places_.publish_all(); }
    // While it runs: one network more or less. A name of its own is told anew. Throw Error.
    void connect(const NetworkUse& use);
    void disconnect(const std::string& network);
    void rename(const std::string& name) { places_.rename(name); }
    // Addresses and ports, once it is joined.
    [[nodiscard]] const store::NetworkFacts& facts() const noexcept { return facts_; }
    // What the container's own files say of its networks.
    [[nodiscard]] OwnWords own_words() const;

  private:
    void make_facts();

    std::string hostname_, name_server_;
    NetworkPlaces places_;
    std::vector<std::uint8_t> setup_;
    store::NetworkFacts facts_;
};

// The kernel refuses what a network needs.
class NetworkMissing : public base::Error {
  public:
    using Error::Error;
};

// Makes `network` (null without one) and launches. Where the kernel refuses, a container for which
// nobody asked for a network has its loopback, and a warning.
[[nodiscard]] LaunchedContainer launch_attached(ContainerSpec& spec, LaunchContext context,
                                                base::PollLoop& loop,
                                                std::unique_ptr<ContainerNetwork>& network);

[[nodiscard]] store::PortMapping mapping_of(const net::HostPort& port);

}  // namespace sandbox::engine
