#include "engine/supervise.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/caller_terminal.hpp"
#include "engine/signal_names.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"

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
               SignalGate& gate, const ForegroundOutput& output)
        : spec_(spec),
          request_(request),
          container_(container),
          loop_(gate.loop()),
          output_(output),
          terminal_(loop_, [this](int number) { forward(number); }) {
        gate.serve([this](const signalfd_siginfo& info) { on_signal(info); });
    }
    kernel::ExitStatus run();

  private:
    void log_terminal(std::string_view bytes);
    void on_output_lost();
    void on_signal(const signalfd_siginfo& info);
    void on_interrupt();
    void on_stop_request(int number);
    void on_exit();
    void forward(int number);
    void tell_size() const;
    void kill_after(seconds delay, std::string why);
    void kill_now(const std::string& why);

    const ContainerSpec& spec_;
    const RunRequest& request_;
    LaunchedContainer& container_;
    base::PollLoop& loop_;
    ForegroundOutput output_;
    CallerTerminal terminal_;
    std::deque<Clock::time_point> interrupts_;
    bool kill_planned_ = false;
    bool exited_ = false;
    std::optional<base::PollLoop::Token> exit_token_, flush_token_;
    std::optional<int> answered_signal_;  // sig_proxy=false: what ended the run
};

kernel::ExitStatus Supervisor::run() {
    if (container_.pty_master) {
        std::function<void(std::string_view)> tap;
        if (output_.tty_log != nullptr) {
            tap = [this](std::string_view bytes) { log_terminal(bytes); };
        }
        terminal_.open(
            container_.pty_master.get(), spec_.interactive, [this] { on_output_lost(); },
            std::move(tap));
    }
    if (output_.hub != nullptr) {
        output_.hub->tee(output_.show_stdout ? STDOUT_FILENO : -1,
                         output_.show_stderr ? STDERR_FILENO : -1, [this] { on_output_lost(); });
    }
    if (request_.timeout_seconds && *request_.timeout_seconds > 0) {
        const seconds limit(*request_.timeout_seconds);
        loop_.add_timer(limit, kOnce, [this, limit] {
            kill_now("the container ran longer than --timeout " + std::to_string(limit.count()));
        });
    }
    exit_token_ =
        loop_.add_fd(container_.init.pid_fd(), EPOLLIN, [this](std::uint32_t) { on_exit(); });
    loop_.run();
    if (flush_token_) loop_.remove(*std::exchange(flush_token_, std::nullopt));
    terminal_.close();
    kernel::ExitStatus status = collect_exit(container_);
    if (answered_signal_) status = {0, *answered_signal_};
    return status;
}

// Writing to a pipe without a reader would have ended the payload: so does this.
void Supervisor::on_output_lost() {
    forward(SIGPIPE);
    kill_after(seconds(spec_.stop_timeout_seconds), "nobody reads the container's output");
}

void Supervisor::log_terminal(std::string_view bytes) {
    constexpr std::chrono::milliseconds kPrompt{250};
    store::LogWriter& log = *output_.tty_log;
    log.append(store::LogStream::out, bytes, base::now());
    if (!log.has_partial() || flush_token_) return;
    flush_token_ = loop_.add_timer(kPrompt, kOnce, [this] {
        flush_token_.reset();
        output_.tty_log->flush_partial(base::now());
    });
}

void Supervisor::on_exit() {
    exited_ = true;
    if (exit_token_) loop_.remove(*std::exchange(exit_token_, std::nullopt));
    if (output_.hub != nullptr) {
        output_.hub->finish({}, [this] { loop_.stop(); });
        return;
    }
    terminal_.finish([this] { loop_.stop(); });
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

void Supervisor::forward(int number) {
    container_.init.signal(number);
    if (output_.tell) output_.tell("kill", {{"signal", std::to_string(number)}});
}

void Supervisor::tell_size() const {
    const auto size = try_window_size();
    if (!size || !output_.tell || !container_.pty_master) return;
    output_.tell("resize", {{"height", std::to_string(size->ws_row)},
                            {"width", std::to_string(size->ws_col)}});
}

void Supervisor::on_signal(const signalfd_siginfo& info) {
    const int number = static_cast<int>(info.ssi_signo);
    // The output of an ended container is still on its way: whoever asks again does not want it.
    if (exited_) {
        if (number == SIGINT || number == SIGTERM || number == SIGQUIT) loop_.stop();
        return;
    }
    if (terminal_.take_signal(number)) {
        if (number == SIGWINCH) tell_size();
        return;
    }
    switch (number) {
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
                             LaunchedContainer& container, SignalGate& gate,
                             const ForegroundOutput& output) {
    return Supervisor(spec, request, container, gate, output).run();
}

}  // namespace sandbox::engine
