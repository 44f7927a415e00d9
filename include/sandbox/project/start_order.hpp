// Which services start, and in which order: the dependency graph as waves. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/project/profile.hpp"

namespace sandbox::project {

// What `up NAME…` means: the named ones (all without names) with what they depend on; optional
// groups count when they are in `profiles` ("*": all), or when one of their services is named.
struct Selection {
    std::vector<std::string> names;
    std::vector<std::string> profiles;
    bool dependencies = true;  // false: --no-deps
};
// Answers names in the order of the profile. Throws UsageError for a name that is none, with the
// nearest one as hint, and for a dependency whose group is not asked for.
[[nodiscard]] std::vector<std::string> select_services(const Project& project,
                                                       const Selection& selection);

// `names` and all that wants to be restarted with one of them (Dependency::restart), in the order
// of the profile.
[[nodiscard]] std::vector<std::string> with_restarted(const Project& project,
                                                      const std::vector<std::string>& names);

// The dependencies go in a circle.
class CircleError : public base::UsageError {
  public:
    // {a, b, c}: a needs b, b needs c, c needs a.
    explicit CircleError(std::vector<std::string> members);
    [[nodiscard]] const std::vector<std::string>& members() const noexcept { return members_; }

  private:
    std::vector<std::string> members_;
};

// Each wave may start when all before it are good enough. Only edges within `names` count.
// Throws CircleError "…: a → b → a".
[[nodiscard]] std::vector<std::vector<std::string>> start_waves(
    const Project& project, const std::vector<std::string>& names);

}  // namespace sandbox::project
