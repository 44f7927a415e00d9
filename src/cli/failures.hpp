// Verbs that take several names: one that fails is said, and the others are still done.
#pragma once

#include "sandbox/base/error.hpp"

namespace sandbox::cli {

// "sandbox: message (hint)" on standard error, one line.
void say_error(const base::Error& error);

class Failures {
  public:
    template <typename F>
    void attempt(F&& action) {
        try {
            action();
        } catch (const base::Error& error) {
            note(error);
        }
    }
    // 0, or the code of the first failure.
    [[nodiscard]] int code() const noexcept { return code_; }

  private:
    void note(const base::Error& error);
    int code_ = 0;
};

}  // namespace sandbox::cli
