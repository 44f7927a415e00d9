#include "engine/terminal.hpp"

#include <unistd.h>

#include <initializer_list>

namespace sandbox::engine {

std::optional<winsize> try_window_size() {
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        winsize size{};
        if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) return size;
    }
    return std::nullopt;
}

bool RawTerminal::in_foreground() const noexcept {
    return ::tcgetpgrp(fd_) == ::getpgrp();
}

bool RawTerminal::enter() noexcept {
    if (former_) return true;
    // Another job has the terminal: changing it would be seen there (tcsetattr(3) with SIGTTOU
    // blocked does not stop us).
    if (!in_foreground()) return false;
    termios now{};
    if (::tcgetattr(fd_, &now) != 0) return false;
    termios raw = now;
    ::cfmakeraw(&raw);
    if (::tcsetattr(fd_, TCSANOW, &raw) != 0) return false;
    former_ = now;
    return true;
}

void RawTerminal::restore() noexcept {
    if (!former_) return;
    // DRAIN, so that the payload's last bytes are not cooked a second time. Nothing can be done
    // about a failure: the terminal is gone then.
    (void)::tcsetattr(fd_, TCSADRAIN, &*former_);
    former_.reset();
}

}  // namespace sandbox::engine
