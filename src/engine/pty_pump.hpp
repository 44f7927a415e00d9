// Bytes between the caller's stdin/stdout and the container's terminal. Nothing is read that cannot
// be stored, and nothing is lost at the end: done() answers true only when the terminal's last byte
// has been written out. Descriptors are borrowed.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <optional>
#include <string_view>

#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

class PtyPump {
  public:
    struct Ends {
        int input_fd = -1;  // -1: stdin is not passed on
        int output_fd = -1;
        int master_fd = -1;  // made non-blocking
    };
    // `output_lost`: called once when nobody reads the output any more. `tap`, if any, hears all
    // output first.
    PtyPump(base::PollLoop& loop, const Ends& ends, std::function<void()> output_lost,
            std::function<void(std::string_view)> tap = {});
    PtyPump(const PtyPump&) = delete;
    PtyPump& operator=(const PtyPump&) = delete;
    ~PtyPump();

    void pause_input();  // the terminal belongs to another job
    void resume_input();
    // The container is gone: what is in the terminal is the rest. `finished` is called when all of
    // it has been written (at once, when nothing is left).
    void finish(std::function<void()> finished);

  private:
    struct Buffer {
        std::array<char, 16384> data;
        size_t begin = 0;
        size_t end = 0;
        [[nodiscard]] bool empty() const noexcept { return begin == end; }
    };

    void pump();
    bool read_input();
    bool write_master();
    bool read_master();
    bool write_output();
    void end_of_input();
    void update_watches();
    void lose_output();
    void check_finished();

    base::PollLoop& loop_;
    Ends ends_;
    base::UniqueFd own_output_;  // a description of our own, so that O_NONBLOCK is ours alone
    base::UniqueFd master_out_;  // epoll takes a descriptor once: a second one for writing
    std::function<void()> output_lost_;
    std::function<void(std::string_view)> tap_;
    std::function<void()> finished_;
    Buffer to_master_;
    Buffer to_output_;
    bool input_open_;
    bool input_ready_ = false;
    bool output_ready_ = false;
    bool output_may_block_ = true;
    bool pumping_again_ = false;
    bool input_paused_ = false;
    bool last_input_was_newline_ = true;
    bool output_open_ = true;
    bool master_quiet_ = false;  // no process has the terminal open
    std::optional<base::PollLoop::Token> retry_;
    std::optional<base::FdInterest> input_, master_in_, master_out_interest_, output_;
};

}  // namespace sandbox::engine
