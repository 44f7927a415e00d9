// One output descriptor of the caller of a foreground run. It is shared with the caller's shell, so
// its flags stay as they are; and it is never waited for, so that signals are served meanwhile.
#pragma once

#include <functional>
#include <optional>

#include "engine/supervisor/output_sink.hpp"
#include "sandbox/base/poll_loop.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

class CallerEnd final : public OutputSink {
  public:
    // Takes `stream` only. `changed`: it is unblocked, or closed since nobody reads it any more.
    CallerEnd(base::PollLoop& loop, int fd, store::LogStream stream, std::function<void()> changed);

    void put(store::LogStream stream, std::string_view bytes) override;
    [[nodiscard]] bool is_blocked() const noexcept override { return !queue_.empty(); }
    [[nodiscard]] bool is_closed() const noexcept override { return closed_; }
    [[nodiscard]] std::uint64_t passed_bytes() const noexcept override { return passed_; }

  private:
    enum class Kind { always_ready, socket, own, shared };
    [[nodiscard]] size_t write_some(std::string_view bytes);
    void write_queue();

    int fd_;  // borrowed, or of own_
    base::UniqueFd own_;
    Kind kind_ = Kind::always_ready;
    store::LogStream stream_;
    std::function<void()> changed_;
    ByteQueue queue_;
    std::uint64_t passed_ = 0;
    bool closed_ = false;
    std::optional<base::FdInterest> interest_;
};

}  // namespace sandbox::engine
