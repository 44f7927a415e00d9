// Whose names a verb for containers hears: services of the project of the working directory (or of
// the flags) first, then all containers. Behind `compose` services only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/project_flags.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/project/deployment.hpp"

namespace sandbox::cli {

class ProjectScope {
  public:
    ProjectScope(Context& context, const Invocation& in) : context_(context), in_(in) {}

    // Is there a project, asked for or found? A profile with a mistake is one.
    [[nodiscard]] bool exists();
    // Throws what is wrong with the profile, or that there is none.
    [[nodiscard]] const project::Project& project();
    // The same; null when only its name is known.
    [[nodiscard]] const project::Project* try_project();
    [[nodiscard]] const std::string& name();
    // All of its containers, in the order of service and number.
    [[nodiscard]] const std::vector<project::Deployed>& deployed();

    struct Names {
        std::vector<std::string> services, containers;
    };
    // Which of the names are services'. Throws NotFoundError for one that is neither. `gone`: a
    // service counts, too, whose containers are removed, unless a container has just that name.
    [[nodiscard]] Names sort(const std::vector<std::string>& names, bool gone = false);
    // Ids of the services' containers and the other names, in the order of `names`. Of a service
    // those that `wants` chooses, unless it chooses none: then it is about all of them.
    using Wants = std::function<bool(const project::Deployed&)>;
    [[nodiscard]] std::vector<std::string> containers(const std::vector<std::string>& names,
                                                      const Wants& wants = {});
    // The one container of that name; of a service, its number `index`.
    [[nodiscard]] std::string container(const std::string& name, std::uint32_t index = 1);

  private:
    [[nodiscard]] bool is_strict() const;
    void load();
    [[nodiscard]] bool is_service(const std::string& name);
    [[nodiscard]] bool has_containers(const std::string& service);
    [[nodiscard]] bool is_container(const std::string& name);
    void check_container(const std::string& name);

    Context& context_;
    const Invocation& in_;
    bool loaded_ = false;
    std::string name_;
    std::optional<project::Project> project_;
    std::optional<base::Error> mistake_;  // why there is no project_
    bool absent_ = false;                 // because there is no profile at all
    std::optional<std::vector<project::Deployed>> deployed_;
};

}  // namespace sandbox::cli
