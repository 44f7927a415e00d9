// Datagrams in both directions: what containers send outside and its answers; published UDP ports.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "net/event_loop.hpp"
#include "net/inside_sockets.hpp"
#include "net/reach.hpp"

namespace sandbox::net {

class UdpFlows {
  public:
    // `buffer`: at least 64 KiB, shared with whoever runs in the same loop.
    UdpFlows(EventLoop& loop, const InsideSockets& sockets, const ReachPolicy& policy,
             std::vector<std::uint8_t>& buffer);
    ~UdpFlows();
    void add_port(std::uint32_t id, base::UniqueFd socket, const Endpoint& target);
    void remove_port(std::uint32_t id);
    [[nodiscard]] size_t size() const noexcept { return flows_.size(); }

  private:
    struct Key {
        Endpoint from, to;  // as the container sees them
        auto operator<=>(const Key&) const = default;
    };
    class Inside;
    class Flow;
    class Port;
    void receive_inside(int fd);
    void send_out(const Key& key, ByteView payload);
    bool tick(Clock::time_point now);

    EventLoop& loop_;
    const InsideSockets& sockets_;
    const ReachPolicy& policy_;
    std::vector<std::uint8_t>& buffer_;
    std::vector<std::unique_ptr<Inside>> inside_;
    std::map<Key, std::unique_ptr<Flow>> flows_;
    std::map<std::uint32_t, std::unique_ptr<Port>> ports_;
    // Which port's client a container's answer is for.
    std::map<Key, Port*> answers_;
};

}  // namespace sandbox::net
