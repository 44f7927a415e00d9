// Outbound TCP: a container's connect() keeps its meaning, because its SYN is answered only when
// the outside has answered.
#pragma once

#include <list>
#include <map>
#include <memory>

#include "net/inside_sockets.hpp"
#include "net/packet.hpp"
#include "net/reach.hpp"
#include "net/tcp_flow.hpp"

namespace sandbox::net {

class TcpGate {
  public:
    TcpGate(EventLoop& loop, const InsideSockets& sockets, const ReachPolicy& policy,
            TcpFlows& flows);
    ~TcpGate();
    // A SYN that the rules held back.
    void on_syn(ByteView bytes, const Packet& packet);
    [[nodiscard]] size_t waiting() const noexcept { return attempts_.size(); }

  private:
    struct Key {
        Endpoint from, to;
        auto operator<=>(const Key&) const = default;
    };
    class Attempt;
    class Listener;
    void refuse(ByteView bytes, const Packet& packet, Reach::Answer answer);
    void forget(const Key& key);
    [[nodiscard]] bool accept_all(int listener_fd);  // false: rest
    bool tick(Clock::time_point now);

    EventLoop& loop_;
    const InsideSockets& sockets_;
    const ReachPolicy& policy_;
    TcpFlows& flows_;
    std::map<Key, std::unique_ptr<Attempt>> attempts_;
    std::vector<std::unique_ptr<Attempt>> ended_;
    std::vector<std::unique_ptr<Listener>> listeners_;
};

// Connects a non-blocking socket; 0, -EINPROGRESS or another -errno.
[[nodiscard]] int start_connect(int fd, const Endpoint& to) noexcept;

}  // namespace sandbox::net
