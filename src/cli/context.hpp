// What a verb works with: standard output, and the store, opened when first asked for.
#pragma once

#include <optional>

#include "cli/output.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::cli {

class Context {
  public:
    explicit Context(Output& output) noexcept : out(output) {}
    [[nodiscard]] const store::Store& store() {
        if (!store_) store_ = store::Store::open();
        return *store_;
    }
    Output& out;

  private:
    std::optional<store::Store> store_;
};

}  // namespace sandbox::cli
