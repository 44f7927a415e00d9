// What a project is called when its files do not say it.
#pragma once

#include <map>
#include <string>

#include "interpolate.hpp"

namespace sandbox::project {

// Throws UsageError, whose text begins with `from`, when it cannot be a project's name.
[[nodiscard]] std::string checked_project_name(const std::string& name, const std::string& from);

struct Naming {
    std::string name;
    bool is_given = false;  // it is meant, whoever has it
};
// SANDBOX_PROJECT of the environment, COMPOSE_PROJECT_NAME of .env (that of the environment is
// heard behind the word `compose` only), the directory.
[[nodiscard]] Naming name_by_surroundings(const Variables& environment,
                                          const std::map<std::string, std::string>& dotenv,
                                          const std::string& directory);

}  // namespace sandbox::project
