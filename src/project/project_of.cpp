#include "project_of.hpp"

#include <algorithm>
#include <cstdlib>

#include "sandbox/base/strings.hpp"
#include "sandbox/project/deployment.hpp"
#include "sources.hpp"

namespace sandbox::project {

std::optional<Project> try_load_project_of(const base::json::Value& labels) {
    LoadOptions options;
    options.files = base::split(labels.string_or(label::kFiles), ',');
    const std::string env_files = labels.string_or(label::kEnvFiles);
    if (!env_files.empty()) options.env_files = base::split(env_files, ',');
    options.directory = labels.string_or(label::kDirectory);
    options.current_dir = options.directory;
    options.name = labels.string_or(label::kProject);
    options.environment = [](const std::string& name) -> std::optional<std::string> {
        const char* value = std::getenv(name.c_str());
        return value == nullptr ? std::nullopt : std::optional<std::string>(value);
    };
    if (std::find(options.files.begin(), options.files.end(), kStandardInput) !=
        options.files.end()) {
        throw base::UsageError(
            "project " + base::quote(options.name) + " was read from standard input, which is gone",
            "keep it in a file");
    }
    if (options.directory.empty() || options.name.empty()) return std::nullopt;
    return load_project(options);
}

}  // namespace sandbox::project
