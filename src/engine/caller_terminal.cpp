#include "engine/caller_terminal.hpp"

#include <unistd.h>

#include <csignal>
#include <utility>

#include "sandbox/base/raw.hpp"

namespace sandbox::engine {

CallerTerminal::CallerTerminal(base::PollLoop& loop, std::function<void(int)> forward)
    : loop_(loop), forward_(std::move(forward)), terminal_(STDIN_FILENO) {}

void CallerTerminal::open(int master_fd, bool interactive, std::function<void()> output_lost,
                          std::function<void(std::string_view)> tap) {
    master_fd_ = master_fd;
    interactive_ = interactive;
    PtyPump::Ends ends;
    ends.master_fd = master_fd;
    ends.output_fd = STDOUT_FILENO;
    bool wait_for_foreground = false;
    if (interactive) {
        ends.input_fd = STDIN_FILENO;
        wait_for_foreground = ::isatty(STDIN_FILENO) == 1 && !terminal_.enter();
    }
    pump_.emplace(loop_, ends, std::move(output_lost), std::move(tap));
    if (wait_for_foreground) pump_->pause_input();
}

bool CallerTerminal::take_signal(int number) {
    switch (number) {
        case SIGCHLD:  // the pidfd tells
        case SIGPIPE:  // writes answer EPIPE
        case SIGTTIN:
        case SIGTTOU:
            return true;
        case SIGWINCH:
            resize();
            return true;
        case SIGTSTP:
            suspend();
            return true;
        case SIGCONT:
            resume();
            return true;
        default:
            return false;
    }
}

void CallerTerminal::suspend() {
    terminal_.restore();
    if (!pump_) forward_(SIGTSTP);
    // Of our own will, since the signal that asked for it is blocked.
    (void)base::raw::kill(base::raw::getpid(), SIGSTOP);
}

void CallerTerminal::resume() {
    if (!pump_) {
        forward_(SIGCONT);
        return;
    }
    if (interactive_ && ::isatty(STDIN_FILENO) == 1) {
        if (terminal_.enter()) {
            pump_->resume_input();
        } else {
            pump_->pause_input();
        }
    }
    resize();
}

void CallerTerminal::resize() {
    if (master_fd_ < 0) return;
    if (const auto size = try_window_size()) (void)::ioctl(master_fd_, TIOCSWINSZ, &*size);
}

void CallerTerminal::finish(std::function<void()> finished) {
    if (pump_) {
        pump_->finish(std::move(finished));
    } else {
        finished();
    }
}

void CallerTerminal::close() {
    pump_.reset();
    terminal_.restore();
}

}  // namespace sandbox::engine
