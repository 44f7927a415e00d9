#include "engine/exec/exec_session.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <utility>

#include "engine/caller_terminal.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

using std::chrono::seconds;
constexpr std::chrono::nanoseconds kOnce{0};
// As a container that is asked to end.
constexpr seconds kEndPatience{10};

class ExecSession {
  public:
    ExecSession(RunningExec& running, bool interactive, SignalGate& gate)
        : running_(running),
          interactive_(interactive),
          loop_(gate.loop()),
          terminal_(loop_, [this](int number) { forward(number); }) {
        gate.serve([this](const signalfd_siginfo& info) { on_signal(info); });
    }
    void run();

  private:
    void on_signal(const signalfd_siginfo& info);
    void on_exit();
    void forward(int number) { running_.process.signal(number); }
    void kill_later(std::string why);

    RunningExec& running_;
    bool interactive_;
    base::PollLoop& loop_;
    CallerTerminal terminal_;
    std::optional<base::PollLoop::Token> exit_token_, kill_token_;
    bool exited_ = false;
};

void ExecSession::run() {
    if (running_.pty_master) {
        terminal_.open(running_.pty_master.get(), interactive_, [this] {
            forward(SIGPIPE);
            kill_later("nobody reads the program's output");
        });
    }
    exit_token_ =
        loop_.add_fd(running_.process.pid_fd(), EPOLLIN, [this](std::uint32_t) { on_exit(); });
    loop_.run();
    if (kill_token_) loop_.remove(*kill_token_);
    terminal_.close();
}

void ExecSession::on_exit() {
    exited_ = true;
    if (exit_token_) loop_.remove(*std::exchange(exit_token_, std::nullopt));
    terminal_.finish([this] { loop_.stop(); });
}

void ExecSession::kill_later(std::string why) {
    if (kill_token_) return;
    kill_token_ = loop_.add_timer(kEndPatience, kOnce, [this, why = std::move(why)] {
        kill_token_.reset();
        if (exited_) return;
        base::log::warning(why + ": killing it");
        running_.process.signal(SIGKILL);
    });
}

void ExecSession::on_signal(const signalfd_siginfo& info) {
    const int number = static_cast<int>(info.ssi_signo);
    if (exited_) {
        // Output of an ended program is still on its way: whoever asks again does not want it.
        if (number == SIGINT || number == SIGTERM || number == SIGQUIT) loop_.stop();
        return;
    }
    if (terminal_.take_signal(number)) return;
    forward(number);
    if (number == SIGTERM || (number == SIGHUP && running_.pty_master)) {
        kill_later("the program has not ended " + std::to_string(kEndPatience.count()) +
                   " s after it was asked to");
    }
}

}  // namespace

kernel::ExitStatus serve_exec(RunningExec& running, const ExecSpec& spec, bool interactive,
                              SignalGate& gate) {
    ExecSession(running, interactive, gate).run();
    return finish_exec(running, spec);
}

}  // namespace sandbox::engine
