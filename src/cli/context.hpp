// What a verb works with: standard output, and the store, opened when first asked for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/output.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::cli {

// Which project is meant, said between `compose` and its verb.
struct ProjectWords {
    bool compose = false;  // the verb is one of compose's: services only
    std::vector<std::string> files, env_files, profiles;
    std::string name, directory;
};

class Context {
  public:
    explicit Context(Output& output) noexcept : out(output) {}
    [[nodiscard]] const store::Store& store() {
        if (!store_) store_ = store::Store::open();
        return *store_;
    }
    Output& out;
    ProjectWords project;

  private:
    std::optional<store::Store> store_;
};

}  // namespace sandbox::cli
