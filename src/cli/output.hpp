// Standard output: the only writer to it. Buffered; every failure to write is an error, so that a
// full disk is never a success. On a terminal control bytes of what is shown are escaped: names,
// labels and comments of images are other people's text.
#pragma once

#include <string>
#include <string_view>

#include "sandbox/base/error.hpp"

namespace sandbox::cli {

// The reader has gone (EPIPE with SIGPIPE ignored): ends the program without a word.
struct ReaderGone {};

class Output {
  public:
    explicit Output(int fd) noexcept : fd_(fd) {}
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;

    // Throws SysError "write to standard output: …", or ReaderGone.
    void write(std::string_view text);
    void line(std::string_view text);
    // The same for text that may hold sequences which do a terminal no harm: `length_of` answers
    // how long the one is that a text begins with, 0: none.
    void write_coloured(std::string_view text, size_t (*length_of)(std::string_view) noexcept);
    void flush();
    [[nodiscard]] bool is_terminal() const;
    // Borrowed, for what streams bytes by itself; flushes first.
    [[nodiscard]] int raw_fd();
    // `action` streams to the descriptor that it is given, and fails when nobody reads any more:
    // that is no error of ours to be told (ReaderGone).
    template <typename F>
    decltype(auto) stream(F&& action) {
        try {
            return action(raw_fd());
        } catch (const base::Error&) {
            if (is_read()) throw;
        }
        throw ReaderGone{};
    }

  private:
    [[nodiscard]] bool is_read() const noexcept;
    int fd_;
    mutable int terminal_ = -1;  // -1: not asked yet
    std::string buffer_;
};

}  // namespace sandbox::cli
