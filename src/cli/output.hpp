// Standard output: the only writer to it. Buffered; every failure to write is an error, so that a
// full disk is never a success. On a terminal control bytes of what is shown are escaped: names,
// labels and comments of images are other people's text.
#pragma once

#include <string>
#include <string_view>

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
    // Borrowed, for what streams bytes by itself (save); flushes first.
    [[nodiscard]] int raw_fd();

  private:
    int fd_;
    mutable int terminal_ = -1;  // -1: not asked yet
    std::string buffer_;
};

}  // namespace sandbox::cli
