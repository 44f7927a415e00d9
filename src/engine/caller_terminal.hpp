// The caller's side of a payload that has a terminal: his own in raw mode, bytes both ways, its
// size, and what happens when the shell stops and continues us. For run and exec alike; without a
// terminal only signals are passed on.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "engine/pty_pump.hpp"
#include "engine/terminal.hpp"
#include "sandbox/base/poll_loop.hpp"

namespace sandbox::engine {

class CallerTerminal {
  public:
    // `loop` is borrowed. `forward` passes a signal on to the payload.
    CallerTerminal(base::PollLoop& loop, std::function<void(int)> forward);

    // `master_fd` is borrowed. `output_lost`: once, when nobody reads any more. `tap` (may be
    // empty) sees what the payload writes.
    void open(int master_fd, bool interactive, std::function<void()> output_lost,
              std::function<void(std::string_view)> tap = {});
    [[nodiscard]] bool is_open() const noexcept { return pump_.has_value(); }
    // Signals that are about the caller's terminal, or that mean nothing to the payload's: true
    // when `number` is one of them and has been dealt with.
    [[nodiscard]] bool take_signal(int number);
    // The payload is gone: `finished` is called when all it wrote has been passed on.
    void finish(std::function<void()> finished);
    void close();  // the caller's terminal is as it was before

  private:
    void suspend();  // answers when we go on
    void resume();
    void resize();

    base::PollLoop& loop_;
    std::function<void(int)> forward_;
    RawTerminal terminal_;
    std::optional<PtyPump> pump_;
    int master_fd_ = -1;
    bool interactive_ = false;
};

}  // namespace sandbox::engine
