// How much of a container's output could not be logged, in log/lost. The file's one block is there
// from the first start on: it can be written when the disk is full.
#pragma once

#include <array>
#include <string_view>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/store/log_store.hpp"

namespace sandbox::store {

class LossCounter {
  public:
    explicit LossCounter(int container_dir_fd);
    // Nothing when no byte is lost.
    void add(LogLoss loss) noexcept;
    [[nodiscard]] const LogLoss& total() const noexcept { return total_; }
    // What the log does not tell yet: make_notice() says it, told() says that it is written.
    [[nodiscard]] const LogLoss& untold() const noexcept { return untold_; }
    void told() noexcept { untold_ = {}; }

  private:
    base::UniqueFd fd_;
    LogLoss total_;
    LogLoss untold_;
};

struct LossNotice {
    static constexpr size_t kMaxBytes = 160;
    std::array<char, kMaxBytes> text{};
    size_t bytes = 0;
    [[nodiscard]] std::string_view view() const noexcept { return {text.data(), bytes}; }
};
// `end`: what follows its words; 0: nothing.
[[nodiscard]] LossNotice make_notice(const LogLoss& loss, char end = 0) noexcept;

[[nodiscard]] LogLoss read_loss(int container_dir_fd);

}  // namespace sandbox::store
