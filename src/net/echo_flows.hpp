// Echo requests of containers, through ping sockets where the host allows them (icmp(7),
// net.ipv4.ping_group_range).
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "net/event_loop.hpp"
#include "net/inside_sockets.hpp"
#include "net/reach.hpp"

namespace sandbox::net {

class EchoFlows {
  public:
    EchoFlows(EventLoop& loop, const InsideSockets& sockets, const ReachPolicy& policy,
              std::vector<std::uint8_t>& buffer);
    ~EchoFlows();
    void on_request(ByteView bytes, const Packet& packet);

  private:
    struct Key {
        Endpoint from;  // with the echo id as its port
        IpAddress to;
        auto operator<=>(const Key&) const = default;
    };
    class Flow;
    bool tick(Clock::time_point now);

    EventLoop& loop_;
    const InsideSockets& sockets_;
    const ReachPolicy& policy_;
    std::vector<std::uint8_t>& buffer_;
    std::map<Key, std::unique_ptr<Flow>> flows_;
};

}  // namespace sandbox::net
