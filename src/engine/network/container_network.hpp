// The way out and in of one container that is attached: its ports on the host, and either a private
// network with a gateway of its own, which the supervisor has (lone_network.cpp), or places on
// named networks, which their holders have (named_network.cpp).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/launch.hpp"
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
    [[nodiscard]] static std::unique_ptr<ContainerNetwork> make(ContainerSpec& spec,
                                                                const store::Store& store,
                                                                base::PollLoop& loop);
    ContainerNetwork() = default;
    ContainerNetwork(const ContainerNetwork&) = delete;
    ContainerNetwork& operator=(const ContainerNetwork&) = delete;
    virtual ~ContainerNetwork() = default;
    // For the container's first process, to say to its kernel after join(): child/plan.hpp.
    [[nodiscard]] virtual const std::vector<std::uint8_t>& setup() const noexcept = 0;
    // The container's network namespace: from here on it is joined to the network. May be called
    // again for another attempt. Throws NetworkMissing when there is no network.
    virtual void join(int netns_fd) = 0;
    // The container has configured its side. Not earlier: whoever came through a published port
    // before would wait for the second try of ARP, a whole second.
    virtual void open() {}
    // While it runs: one named network more or less. A name of its own is told anew. Throw Error.
    virtual void connect(const NetworkUse& use) = 0;
    virtual void disconnect(const std::string& network) = 0;
    virtual void rename(const std::string& name) = 0;
    // Addresses and ports, once it is joined.
    [[nodiscard]] virtual const store::NetworkFacts& facts() const noexcept = 0;
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

// For the two kinds.
[[nodiscard]] std::unique_ptr<ContainerNetwork> make_lone_network(ContainerSpec& spec,
                                                                  std::vector<net::HostPort> ports,
                                                                  const store::Store& store,
                                                                  base::PollLoop& loop);
[[nodiscard]] std::unique_ptr<ContainerNetwork> make_named_network(ContainerSpec& spec,
                                                                   std::vector<net::HostPort> ports,
                                                                   const store::Store& store,
                                                                   base::PollLoop& loop);
[[nodiscard]] store::PortMapping mapping_of(const net::HostPort& port);
// What the spec leaves open until addresses are known: the name server, the own lines of hosts.
void complete_spec(ContainerSpec& spec, const std::vector<std::string>& own,
                   const std::string& gateway);

}  // namespace sandbox::engine
