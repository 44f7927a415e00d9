// A single-threaded epoll loop: descriptors, signals (signalfd), timers (timerfd).
// Handlers may add and remove entries, also their own. No threads.
#pragma once

#include <sys/signalfd.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace sandbox::base {

class PollLoop {
  public:
    using Token = std::uint64_t;
    PollLoop();
    ~PollLoop();
    PollLoop(const PollLoop&) = delete;
    PollLoop& operator=(const PollLoop&) = delete;

    // `events`: EPOLLIN etc. `fd` is borrowed and must stay open until remove(). What epoll refuses
    // (regular files; epoll_ctl(2), EPERM) is always ready: the handler is called in each round.
    Token add_fd(int fd, std::uint32_t events, std::function<void(std::uint32_t)> handler);
    void modify_fd(Token token, std::uint32_t events);
    // Blocks the signals for the process and delivers them here until the loop is destroyed
    // (then the former mask comes back).
    void on_signals(const std::vector<int>& signals,
                    std::function<void(const signalfd_siginfo&)> handler);
    Token add_timer(std::chrono::nanoseconds first, std::chrono::nanoseconds interval,
                    std::function<void()> handler);  // interval 0: once
    void remove(Token token);
    // From now on: when run() has waited that long in vain, memory is given back before it waits on
    // (idle_memory.hpp). For processes with one thread.
    void save_memory_after(std::chrono::milliseconds quiet);
    void run();                                        // until stop()
    bool run_once(std::chrono::milliseconds timeout);  // false: timed out
    void stop() noexcept;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Interest in one descriptor that comes and goes. While it is gone the descriptor is not in the
// loop: epoll would report a hang-up whatever the mask says. `loop` and `fd` are borrowed.
class FdInterest {
  public:
    FdInterest(PollLoop& loop, int fd, std::uint32_t events, std::function<void()> handler);
    ~FdInterest();
    FdInterest(const FdInterest&) = delete;
    FdInterest& operator=(const FdInterest&) = delete;
    void set(bool wanted);

  private:
    PollLoop& loop_;
    int fd_;
    std::uint32_t events_;
    std::function<void()> handler_;
    PollLoop::Token token_ = 0;  // 0: not in the loop
};

}  // namespace sandbox::base
