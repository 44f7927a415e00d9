#include "naming.hpp"

#include "profile_keys.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::project {

std::string checked_project_name(const std::string& name, const std::string& from) {
    if (is_project_name(name)) return name;
    throw base::UsageError(from + "bad name of a project: " + base::quote(name),
                           "small letters, digits, \"-\" and \"_\", a letter or digit first");
}

Naming name_by_surroundings(const Variables& environment,
                            const std::map<std::string, std::string>& dotenv,
                            const std::string& directory) {
    const std::string given = environment("SANDBOX_PROJECT").value_or("");
    if (!given.empty()) return {checked_project_name(given, "SANDBOX_PROJECT: "), true};
    const auto found = dotenv.find("COMPOSE_PROJECT_NAME");
    if (found != dotenv.end() && !found->second.empty()) {
        return {checked_project_name(found->second, ".env: "), true};
    }
    return {make_project_name(directory), false};
}

}  // namespace sandbox::project
