// The foreground life of one container: signals in, terminal both ways, time limits, the end.
#pragma once

#include <csignal>
#include <functional>
#include <memory>

#include "engine/container_events.hpp"
#include "engine/launch.hpp"
#include "engine/supervisor/output.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/engine/run.hpp"

namespace sandbox::engine {

// Blocks every signal from here on and keeps what arrives, so that none is lost while the
// container is being made; supervise() then serves them. One per process.
class SignalGate {
  public:
    SignalGate();
    void serve(std::function<void(const signalfd_siginfo&)> handler);
    [[nodiscard]] base::PollLoop& loop() noexcept { return loop_; }

  private:
    std::function<void(const signalfd_siginfo&)> handler_;
    base::PollLoop loop_;
};

// What a run that is kept leaves behind of its output; both null: nothing.
struct ForegroundOutput {
    OutputHub* hub = nullptr;             // reads the payload's pipes; passed on to our own 1 and 2
    store::LogWriter* tty_log = nullptr;  // with a terminal, which is passed on in any case
    bool show_stdout = true, show_stderr = true;  // by the hub
    // For `events`; may be empty.
    std::function<void(std::string action, const EventAttributes& attributes)> tell{};
};

// Answers when the payload has ended and all it wrote to its terminal has been passed on.
// The terminal is as it was before.
[[nodiscard]] kernel::ExitStatus supervise(const ContainerSpec& spec, const RunRequest& request,
                                           LaunchedContainer& container, SignalGate& gate,
                                           const ForegroundOutput& output = {});

}  // namespace sandbox::engine
