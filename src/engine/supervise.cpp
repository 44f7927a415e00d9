#include "engine/supervise.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/pty_pump.hpp"
#include "engine/signal_names.hpp"
#include "engine/terminal.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::engine {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;
constexpr std::chrono::nanoseconds kOnce{0};

// Ctrl-C that often within that time, and the payload is still there: it is killed.
constexpr size_t kImpatientInterrupts = 3;
constexpr seconds kImpatience{2};

std::vector<int> all_signals() {
    std::vector<int> numbers;
    for (int number = 1; number <= 64; ++number) {
        // KILL and STOP cannot be caught; 32 and 33 are libc's own (signal(7)). A fault of our own
        // must end us: those five arrive as faults, and blocked ones do so all the same.
        const bool is_fault = number == SIGSEGV || number == SIGBUS || number == SIGFPE ||
                              number == SIGILL || number == SIGTRAP;
        if (number == SIGKILL || number == SIGSTOP || number == 32 || number == 33 || is_fault) {
            continue;
        }
        numbers.push_back(number);
    }
    return numbers;
}

class Supervisor {
  public:
    Supervisor(const ContainerSpec& spec, const RunRequest& request, LaunchedContainer& container,
               SignalGate& gate)
        : spec_(spec),
          request_(request),
          container_(container),
          loop_(gate.loop()),
          terminal_(STDIN_FILENO) {
        gate.serve([this](const signalfd_siginfo& info) { on_signal(info); });
    }
    kernel::ExitStatus run();

  private:
    void start_terminal();
    void on_signal(const signalfd_siginfo& info);
    void on_interrupt();
    void on_stop_request(int number);
    void on_suspend();
    void on_continue();
    void on_exit();
    void forward(int number) { container_.init.signal(number); }
    void kill_after(seconds delay, std::string why);
    void kill_now(const std::string& why);

    const ContainerSpec& spec_;
    const RunRequest& request_;
    LaunchedContainer& container_;
    base::PollLoop& loop_;
    RawTerminal terminal_;
    std::optional<PtyPump> pump_;
    std::deque<Clock::time_point> interrupts_;
    bool kill_planned_ = false;
    bool exited_ = false;
    std::optional<base::PollLoop::Token> exit_token_;
    std::optional<int> answered_signal_;  // sig_proxy=false: what ended the run
};

kernel::ExitStatus Supervisor::run() {
    if (container_.pty_master) start_terminal();
    if (request_.timeout_seconds && *request_.timeout_seconds > 0) {
        const seconds limit(*request_.timeout_seconds);
        loop_.add_timer(limit, kOnce, [this, limit] {
            kill_now("the container ran longer than --timeout " + std::to_string(limit.count()));
        });
    }
    exit_token_ =
        loop_.add_fd(container_.init.pid_fd(), EPOLLIN, [this](std::uint32_t) { on_exit(); });
    loop_.run();
    pump_.reset();
    terminal_.restore();
    kernel::ExitStatus status = collect_exit(container_);
    if (answered_signal_) status = {0, *answered_signal_};
    return status;
}

void Supervisor::start_terminal() {
    PtyPump::Ends ends;
    ends.master_fd = container_.pty_master.get();
    ends.output_fd = STDOUT_FILENO;
    bool wait_for_foreground = false;
    if (spec_.interactive) {
        ends.input_fd = STDIN_FILENO;
        wait_for_foreground = ::isatty(STDIN_FILENO) == 1 && !terminal_.enter();
    }
    pump_.emplace(loop_, ends, [this] {
        // Writing to a pipe without a reader would have ended the payload: so does this.
        forward(SIGPIPE);
        kill_after(seconds(spec_.stop_timeout_seconds), "nobody reads the container's output");
    });
    if (wait_for_foreground) pump_->pause_input();
}

void Supervisor::on_exit() {
    exited_ = true;
    if (exit_token_) loop_.remove(*std::exchange(exit_token_, std::nullopt));
    if (!pump_) {
        loop_.stop();
        return;
    }
    pump_->finish([this] { loop_.stop(); });
}

void Supervisor::kill_now(const std::string& why) {
    if (exited_) return;
    base::log::warning(why + ": killing it");
    container_.init.signal(SIGKILL);
}

void Supervisor::kill_after(seconds delay, std::string why) {
    if (std::exchange(kill_planned_, true)) return;
    loop_.add_timer(delay, kOnce, [this, why = std::move(why)] { kill_now(why); });
}

void Supervisor::on_interrupt() {
    const auto now = Clock::now();
    interrupts_.push_back(now);
    while (interrupts_.front() + kImpatience < now) interrupts_.pop_front();
    if (interrupts_.size() >= kImpatientInterrupts) {
        kill_now("interrupted " + std::to_string(kImpatientInterrupts) +
                 " times and the payload goes on");
        return;
    }
    forward(SIGINT);
}

// TERM and HUP are for us as well: the payload may take its time, but not for ever.
void Supervisor::on_stop_request(int number) {
    if (!request_.sig_proxy) {
        answered_signal_ = number;
        forward(spec_.stop_signal);
    } else {
        forward(number);
    }
    const bool lost_terminal = number == SIGHUP && container_.pty_master;
    if (number != SIGTERM && !lost_terminal && request_.sig_proxy) return;
    kill_after(seconds(spec_.stop_timeout_seconds), "the payload has not ended " +
                                                        std::to_string(spec_.stop_timeout_seconds) +
                                                        " s after " + signal_name(number));
}

void Supervisor::on_suspend() {
    terminal_.restore();
    if (!pump_) forward(SIGTSTP);
    // Of our own will, since the signal that asked for it is blocked.
    (void)base::raw::kill(base::raw::getpid(), SIGSTOP);
}

void Supervisor::on_continue() {
    if (!pump_) {
        forward(SIGCONT);
        return;
    }
    if (spec_.interactive && ::isatty(STDIN_FILENO) == 1) {
        if (terminal_.enter()) {
            pump_->resume_input();
        } else {
            pump_->pause_input();
        }
    }
    if (const auto size = try_window_size()) {
        (void)::ioctl(container_.pty_master.get(), TIOCSWINSZ, &*size);
    }
}

void Supervisor::on_signal(const signalfd_siginfo& info) {
    const int number = static_cast<int>(info.ssi_signo);
    // The output of an ended container is still on its way: whoever asks again does not want it.
    if (exited_) {
        if (number == SIGINT || number == SIGTERM || number == SIGQUIT) loop_.stop();
        return;
    }
    switch (number) {
        case SIGCHLD:  // the pidfd tells
        case SIGPIPE:  // ours: writes answer EPIPE
        case SIGTTIN:
        case SIGTTOU:
            return;
        case SIGWINCH:
            if (const auto size = try_window_size(); size && container_.pty_master) {
                (void)::ioctl(container_.pty_master.get(), TIOCSWINSZ, &*size);
            }
            return;
        case SIGTSTP:
            on_suspend();
            return;
        case SIGCONT:
            on_continue();
            return;
        case SIGINT:
            if (request_.sig_proxy) {
                on_interrupt();
                return;
            }
            [[fallthrough]];
        case SIGTERM:
        case SIGHUP:
            on_stop_request(number);
            return;
        default:
            if (request_.sig_proxy) forward(number);
    }
}

}  // namespace

SignalGate::SignalGate() {
    loop_.on_signals(all_signals(), [this](const signalfd_siginfo& info) { handler_(info); });
}

void SignalGate::serve(std::function<void(const signalfd_siginfo&)> handler) {
    handler_ = std::move(handler);
}

kernel::ExitStatus supervise(const ContainerSpec& spec, const RunRequest& request,
                             LaunchedContainer& container, SignalGate& gate) {
    return Supervisor(spec, request, container, gate).run();
}

}  // namespace sandbox::engine
