// Fresh sockets of the gateway's namespace for published ports. A helper without rights cannot make
// them; a second little process inside the namespace does, and can do nothing else.
#pragma once

#include <sys/socket.h>

#include <array>
#include <deque>

#include "net/event_loop.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::net {

// The process inside: answers requests until its socket's other end is closed. Must be called in
// the namespace. Keeps CAP_NET_RAW in its own user namespace and nothing else.
[[noreturn]] void run_socket_maker(base::UniqueFd requests);

// The helper's side: a stock per family, refilled before it runs out.
class SocketStock final : public Watcher {
  public:
    // Borrowed. `on_arrival`: called when there are sockets again after there were none.
    SocketStock(EventLoop& loop, int maker_fd, std::function<void()> on_arrival);
    ~SocketStock();
    [[nodiscard]] base::UniqueFd take(int family);  // empty: come again on arrival
    void on_events(std::uint32_t events) override;

  private:
    struct Family {
        int family;
        std::deque<base::UniqueFd> stock;
        bool asked = false;
    };
    void refill(Family& family);
    EventLoop& loop_;
    int maker_fd_;
    std::function<void()> on_arrival_;
    std::array<Family, 2> families_{{{AF_INET, {}, false}, {AF_INET6, {}, false}}};
};

}  // namespace sandbox::net
