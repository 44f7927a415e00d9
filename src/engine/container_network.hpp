// The way out and in of one container that has a network of its own: its ports on the host, the
// network, the gateway. A container by itself is a project of one.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "engine/launch.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/engine/container_spec.hpp"

namespace sandbox::engine {

class ContainerNetwork {
  public:
    // Null when spec.network is another than attached. Takes the ports: one that is taken is an
    // error before anything starts. Begins to make the network, by a child, and completes the spec:
    // name server and own address in hosts. `loop` serves the gateway and must outlive this.
    [[nodiscard]] static std::unique_ptr<ContainerNetwork> make(ContainerSpec& spec,
                                                                base::PollLoop& loop);
    ~ContainerNetwork();
    // For the container's first process, to say to its kernel after join(): child/plan.hpp.
    [[nodiscard]] const std::vector<std::uint8_t>& setup() const noexcept;
    // The container's network namespace: from here on it is joined to the network. May be called
    // again for another attempt. Throws NetworkMissing when there is no network.
    void join(int netns_fd);
    // Addresses and ports, once it is joined.
    [[nodiscard]] const store::NetworkFacts& facts() const noexcept;

    struct Impl;
    explicit ContainerNetwork(std::unique_ptr<Impl> impl);  // for make()

  private:
    std::unique_ptr<Impl> impl_;
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

}  // namespace sandbox::engine
