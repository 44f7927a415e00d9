// Datagrams that containers send outside, and what comes back.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "net/event_loop.hpp"
#include "net/inside_sockets.hpp"
#include "net/reach.hpp"
#include "net/udp_ports.hpp"

namespace sandbox::net {

class UdpFlows {
  public:
    // `buffer`: at least 64 KiB, shared with whoever runs in the same loop.
    UdpFlows(EventLoop& loop, const InsideSockets& sockets, const ReachPolicy& policy,
             UdpPorts& ports, std::vector<std::uint8_t>& buffer);
    ~UdpFlows();
    [[nodiscard]] size_t size() const noexcept { return flows_.size(); }

  private:
    struct Key {
        Endpoint from, to;  // as the container sees them
        auto operator<=>(const Key&) const = default;
    };
    class Inside;
    class Flow;
    void receive_inside(int fd);
    void send_out(const Key& key, ByteView payload);
    bool tick(Clock::time_point now);

    EventLoop& loop_;
    const InsideSockets& sockets_;
    const ReachPolicy& policy_;
    UdpPorts& ports_;
    std::vector<std::uint8_t>& buffer_;
    std::vector<std::unique_ptr<Inside>> inside_;
    std::map<Key, std::unique_ptr<Flow>> flows_;
};

}  // namespace sandbox::net
