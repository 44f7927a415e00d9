// The gateway of a project's network, seen from the process that supervises it: it starts the
// helper, which carries outbound connections, published ports and DNS, once the first packet comes,
// tells it what changes, and replaces it when it dies (open connections break then, nothing else).
// See helper.hpp.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/base/poll_loop.hpp"
#include "sandbox/net/project_network.hpp"
#include "sandbox/net/published_port.hpp"

namespace sandbox::net {

class Gateway {
  public:
    // Both are borrowed and must outlive the gateway; the network must be finished. The caller's
    // loop must run for a helper to be started, for a dead one to be replaced and for DNS to follow
    // changes of the host's /etc/resolv.conf. Throws Error.
    Gateway(const ProjectNetwork& network, base::PollLoop& loop);
    ~Gateway();  // ends the helper and thereby all connections
    Gateway(const Gateway&) = delete;
    Gateway& operator=(const Gateway&) = delete;

    // Opens a port of open_host_ports() to `target` (its wish's container port). Answers an id.
    std::uint32_t publish(HostPort port, const IpAddress& target);
    void unpublish(std::uint32_t id);
    // After attach() or detach(): tells the helper names and addresses.
    void update();
    // Where resolv.conf is read; for tests. "/etc/resolv.conf" otherwise.
    void set_resolv_conf(std::string path);
    [[nodiscard]] int helper_pid() const noexcept;  // 0: none (yet)

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sandbox::net
