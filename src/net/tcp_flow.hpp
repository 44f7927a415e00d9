// Two connected TCP sockets become one connection: bytes by splice(2), half-close, reset, urgent
// data, back-pressure. A flow holds a pipe only while bytes are stuck in it.
#pragma once

#include <memory>
#include <vector>

#include "net/event_loop.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/net/address.hpp"

namespace sandbox::net {

struct Pipe {
    base::UniqueFd read_end;
    base::UniqueFd write_end;
};

class TcpFlow;

// Owns all flows and the spare pipes.
class TcpFlows final : public Watcher {
  public:
    explicit TcpFlows(EventLoop& loop);
    ~TcpFlows();
    // Both must be connected and non-blocking. Starts to pump at once.
    void add(base::UniqueFd a, base::UniqueFd b);
    [[nodiscard]] size_t size() const noexcept { return flows_.size(); }
    void on_events(std::uint32_t events) override;  // clears away ended flows

  private:
    friend class TcpFlow;
    [[nodiscard]] Pipe take_pipe();
    void give_back(Pipe pipe);
    void retire(TcpFlow& flow);

    EventLoop& loop_;
    std::vector<std::unique_ptr<TcpFlow>> flows_;
    std::vector<std::unique_ptr<TcpFlow>> ended_;
    std::vector<Pipe> spare_;
};

void set_reset_on_close(int fd, bool on) noexcept;
// Closes with a reset, whatever is unsent.
void close_with_reset(base::UniqueFd fd) noexcept;
// SO_ERROR, which is cleared by reading it; 0: none.
[[nodiscard]] int take_error(int fd) noexcept;
// What both sides of a flow want: no delay, keep-alive probes of our own, since the kernel answers
// those of the far end on our behalf.
void set_stream_options(int fd) noexcept;
// For a socket with that address at one end, before it connects or listens: what stays on this
// host's loopback is not paced, whatever the host's congestion control does elsewhere.
void set_congestion_control(int fd, const IpAddress& end) noexcept;

}  // namespace sandbox::net
