// The images of a project, fetched all at once: one child a missing image, so that each service
// can go on as soon as its own is there.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/image/pull.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/project/profile.hpp"

namespace sandbox::project {

class ImagePulls {
  public:
    explicit ImagePulls(const store::Store& store) : store_(store) {}
    // Starts a child when the policy asks for one; true when it did.
    bool begin(const engine::RunRequest& request);
    struct Finished {
        std::string image;
        std::optional<base::Error> error;  // absent: it is here
    };
    // The next one that has ended, if any has.
    [[nodiscard]] std::optional<Finished> take_finished();
    [[nodiscard]] bool is_pending(const std::string& image) const {
        return pulls_.count(image) != 0;
    }

  private:
    struct Pull {
        kernel::ChildProcess child;
        base::UniqueFd errors;  // what went wrong: message, NUL, hint
    };
    const store::Store& store_;
    std::map<std::string, Pull> pulls_;
};

}  // namespace sandbox::project
