// What the words of one file mean by themselves: `extends` and `include` bring files into a project
// that start their relative paths elsewhere and may have variables of their own.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "interpolate.hpp"

namespace sandbox::project {

struct Scope {
    std::string directory;  // absolute: relative paths start there
    Variables variables;    // for ${…}
    bool has_own = false;   // among the variables, some that other files do not see
};

[[nodiscard]] inline std::shared_ptr<const Scope> make_scope(std::string directory,
                                                             Variables variables,
                                                             bool has_own = false) {
    return std::make_shared<const Scope>(
        Scope{std::move(directory), std::move(variables), has_own});
}

}  // namespace sandbox::project
