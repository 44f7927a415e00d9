// The payload's standard input, as attached clients feed it: a pipe or the container's terminal.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "engine/supervisor/output_sink.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

class PayloadInput {
  public:
    // `room`: called when more can be taken again. An empty `fd` takes and drops everything.
    PayloadInput(base::PollLoop& loop, base::UniqueFd fd, bool is_terminal,
                 std::function<void()> room);
    ~PayloadInput();
    PayloadInput(const PayloadInput&) = delete;
    PayloadInput& operator=(const PayloadInput&) = delete;

    [[nodiscard]] bool has_room() const noexcept { return queue_.empty(); }
    void put(std::string_view bytes);
    // The payload reads the end of file after what is on its way. A terminal gets the character
    // that means it, if somebody asked for that (`explicitly`).
    void end(bool explicitly);

  private:
    void write_queue();
    void update_watch();

    base::PollLoop& loop_;
    base::UniqueFd fd_;
    bool is_terminal_;
    std::function<void()> room_;
    ByteQueue queue_;
    bool ending_ = false;
    bool last_was_newline_ = true;
    std::optional<base::PollLoop::Token> token_;
};

}  // namespace sandbox::engine
