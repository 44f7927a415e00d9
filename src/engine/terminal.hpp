// The caller's terminal in raw mode, and back: whatever happens, the destructor restores it.
#pragma once

#include <sys/ioctl.h>
#include <termios.h>

#include <optional>

namespace sandbox::engine {

[[nodiscard]] std::optional<winsize> try_window_size();  // of stdin, else stdout, else stderr

class RawTerminal {
  public:
    // `fd` is borrowed. Not a terminal, or not ours to change now (a background job): nothing
    // happens until enter() is called again.
    explicit RawTerminal(int fd) noexcept : fd_(fd) {}
    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;
    ~RawTerminal() { restore(); }

    bool enter() noexcept;    // false: not in the foreground, or no terminal
    void restore() noexcept;  // as often as wanted
    [[nodiscard]] bool is_raw() const noexcept { return former_.has_value(); }
    [[nodiscard]] bool in_foreground() const noexcept;

  private:
    int fd_;
    std::optional<termios> former_;
};

}  // namespace sandbox::engine
