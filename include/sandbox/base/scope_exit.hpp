// A rollback for what has no owning type of its own. Must not throw.
#pragma once

#include <utility>

namespace sandbox::base {

template <typename F>
class [[nodiscard]] ScopeExit {
  public:
    explicit ScopeExit(F action) noexcept : action_(std::move(action)) {}
    ScopeExit(const ScopeExit&) = delete;
    ScopeExit& operator=(const ScopeExit&) = delete;
    ~ScopeExit() {
        if (armed_) action_();
    }
    void dismiss() noexcept { armed_ = false; }

  private:
    F action_;
    bool armed_ = true;
};

}  // namespace sandbox::base
