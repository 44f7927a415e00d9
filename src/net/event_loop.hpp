// The helper's loop: leaner than base::PollLoop, since it runs for every packet of a container. A
// watcher is told edge-triggered events of its descriptor; a watcher that goes away in the middle
// of a round is not called again.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "sandbox/base/idle_memory.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::net {

using Clock = std::chrono::steady_clock;

class Watcher {
  public:
    Watcher() = default;
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;
    virtual void on_events(std::uint32_t events) = 0;

  protected:
    ~Watcher() = default;
};

inline constexpr std::uint32_t kStreamEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET;

// accept4(2), socket(2): not the peer's fault, and over when something else ends.
[[nodiscard]] bool is_short_of_resources(int errnum) noexcept;

class EventLoop {
  public:
    EventLoop();
    // `fd` and `watcher` are borrowed until forget().
    void watch(int fd, std::uint32_t events, Watcher& watcher);
    // Must be called before the watcher ends; the descriptor may be closed already.
    void forget(int fd, Watcher& watcher) noexcept;
    // A listener whose accept4(2) has failed for want of descriptors or memory would be called
    // again at once: it is not watched until the next tick.
    void pause(int fd, std::uint32_t events, Watcher& watcher);
    // Called again in the next round, without waiting: for who has more to do than is fair.
    void call_again(Watcher& watcher);
    // About four times a second while at least one of the answers is true.
    void on_tick(std::function<bool(Clock::time_point)> tick);
    // Ticks come (again) although the last round answered false.
    void want_ticks() noexcept { ticking_ = true; }
    void run();  // until stop()
    void stop() noexcept { stopped_ = true; }

  private:
    struct Paused {
        int fd;
        std::uint32_t events;
        Watcher* watcher;
    };
    void tick_when_due();
    [[nodiscard]] int wait() noexcept;  // the number of events, -errno
    base::UniqueFd epoll_;
    std::array<epoll_event, 64> events_{};
    int count_ = 0;
    std::vector<Watcher*> again_;
    std::vector<Paused> paused_;
    std::vector<std::function<bool(Clock::time_point)>> ticks_;
    Clock::time_point next_tick_{};
    bool ticking_ = false;
    bool stopped_ = false;
    base::IdleWait idle_;
    bool resting_ = false;  // the last wait was in vain
};

}  // namespace sandbox::net
