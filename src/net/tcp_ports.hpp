// Published TCP ports: connections from the host's side go to a container, which sees the client's
// own address.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>

#include "net/reach.hpp"
#include "net/socket_maker.hpp"
#include "net/tcp_flow.hpp"

namespace sandbox::net {

class TcpPorts {
  public:
    TcpPorts(EventLoop& loop, const ReachPolicy& policy, TcpFlows& flows, int maker_fd);
    ~TcpPorts();
    // `listener`: listening, non-blocking. Known `id`: replaces the target.
    void add(std::uint32_t id, base::UniqueFd listener, const Endpoint& target);
    void remove(std::uint32_t id);

  private:
    class Listener;
    class Attempt;
    struct Client {
        base::UniqueFd fd;
        IpAddress address;
        Endpoint target;
        std::optional<Endpoint> second;  // for who is refused at the first
    };
    [[nodiscard]] bool accept_all(int listener_fd, const Endpoint& target);  // false: rest
    void connect_inside(Client client, base::UniqueFd inside);
    void serve_waiting();
    void end(Attempt& attempt);
    bool tick();

    EventLoop& loop_;
    const ReachPolicy& policy_;
    TcpFlows& flows_;
    SocketStock stock_;
    std::map<std::uint32_t, std::unique_ptr<Listener>> listeners_;
    std::map<Attempt*, std::unique_ptr<Attempt>> attempts_;
    std::vector<std::unique_ptr<Attempt>> ended_;
    std::deque<Client> waiting_;  // for a socket from the maker
};

}  // namespace sandbox::net
