// One attached client: its socket, frames out, input in.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "engine/supervisor/output.hpp"
#include "engine/supervisor/output_sink.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

class OutputClient final : public OutputSink {
  public:
    struct Events {
        std::function<void()> changed;                // unblocked or closed
        std::function<bool()> wants_input;            // is there room for more?
        std::function<void(std::string_view)> input;  // bytes for the payload
        std::function<void(bool hung_up)> input_end;  // once, if it had input
    };
    OutputClient(base::PollLoop& loop, base::UniqueFd socket, const AttachWish& wish, bool framed,
                 Events events);
    ~OutputClient() override;

    void put(store::LogStream stream, std::string_view bytes) override;
    [[nodiscard]] bool is_blocked() const noexcept override { return !queue_.empty(); }
    [[nodiscard]] bool is_closed() const noexcept override { return !socket_.valid(); }
    [[nodiscard]] std::uint64_t passed_bytes() const noexcept override { return passed_; }
    void update_watch();  // after the room for input has changed

  private:
    void on_events(std::uint32_t events);
    void read_input(bool hung_up);
    void end_input(bool hung_up);
    void write_queue();
    void close();

    base::PollLoop& loop_;
    base::UniqueFd socket_;
    AttachWish wish_;
    bool framed_;
    Events events_;
    bool input_open_;
    ByteQueue queue_;
    std::uint64_t passed_ = 0;
    std::optional<base::PollLoop::Token> token_;
    std::uint32_t watched_ = 0;
};

}  // namespace sandbox::engine
