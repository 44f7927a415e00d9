// A network with its gateway, a container's namespace on it, and the loop of a supervisor.
#pragma once

#include <memory>
#include <optional>

#include "sandbox/kernel/process.hpp"
#include "sandbox/net/gateway.hpp"
#include "world_support.hpp"

namespace sandbox::test {

struct NetWorld {
    explicit NetWorld(net::NetworkPlan plan = {});
    // Another container, by this name.
    net::Attachment add(const std::string& name);
    // Runs `action` in the container of that name while the loop runs; true when it answered true.
    bool in(const std::string& name, const std::function<bool()>& action);

    base::PollLoop loop;
    net::ProjectNetwork network;
    std::unique_ptr<net::Gateway> gateway;
    struct Container {
        std::string name;
        base::UniqueFd netns;
        net::Attachment attachment;
    };
    std::vector<Container> containers;
};

// Sockets of the caller's own namespace. Each throws on failure.
[[nodiscard]] base::UniqueFd listen_tcp(const net::Endpoint& at, net::Endpoint* actual = nullptr);
[[nodiscard]] base::UniqueFd bind_udp(const net::Endpoint& at, net::Endpoint* actual = nullptr);
// 0 or the errno of connect(2).
[[nodiscard]] int try_connect(const net::Endpoint& to, base::UniqueFd* connected = nullptr);
[[nodiscard]] net::Endpoint endpoint(const std::string& address, std::uint16_t port);
[[nodiscard]] net::Endpoint peer_of(int fd);
// Sends each datagram back to whoever it is from, for ever.
[[noreturn]] void echo_datagrams(int fd);
// A child that runs `action` until it is killed or answers: a server on the host.
[[nodiscard]] kernel::ChildProcess fork_server(const std::function<void()>& action);
// The address of this host that is not its loopback, when it has one: what a container reaches.
[[nodiscard]] std::optional<net::IpAddress> host_address();

}  // namespace sandbox::test
