// Published UDP ports: datagrams from the host's side go to a container, which sees the client's
// own address.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "net/event_loop.hpp"
#include "net/inside_sockets.hpp"
#include "net/packet.hpp"
#include "net/reach.hpp"

namespace sandbox::net {

class UdpPorts {
  public:
    // `buffer`: at least 64 KiB, shared with whoever runs in the same loop.
    UdpPorts(EventLoop& loop, const InsideSockets& sockets, const ReachPolicy& policy,
             std::vector<std::uint8_t>& buffer);
    ~UdpPorts();
    void add(std::uint32_t id, base::UniqueFd socket, const Endpoint& target);
    void remove(std::uint32_t id);
    // A container's datagram is for a client: it has got it. False: it is for nobody here.
    [[nodiscard]] bool try_answer(const Endpoint& from, const Endpoint& to, ByteView payload);
    // A container's kernel says that nobody listens where this went.
    void on_refused(const RefusedDatagram& refused);

  private:
    struct Key {
        Endpoint target, inside;  // as the container sees them
        auto operator<=>(const Key&) const = default;
    };
    class Port;
    struct Owner {
        Port* port;
        Endpoint client;  // as the host sees it
    };
    bool tick(Clock::time_point now);

    EventLoop& loop_;
    const InsideSockets& sockets_;
    const ReachPolicy& policy_;
    std::vector<std::uint8_t>& buffer_;
    std::map<std::uint32_t, std::unique_ptr<Port>> ports_;
    std::map<Key, Owner> owners_;
};

}  // namespace sandbox::net
