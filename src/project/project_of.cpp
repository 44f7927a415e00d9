#include "project_of.hpp"

#include <algorithm>
#include <cstdlib>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/project/deployment.hpp"
#include "sources.hpp"

namespace sandbox::project {
namespace {

// Whether it was read behind `compose` is not kept. Where a file's name leaves it open, its content
// does not: no TOML is a compose file.
Project load_by_either_word(LoadOptions options) {
    const bool is_open =
        std::any_of(options.files.begin(), options.files.end(), [](const std::string& file) {
            return is_compose_file(file, true) != is_compose_file(file, false);
        });
    options.hears_compose = is_open;
    if (!is_open) return load_project(options);
    try {
        return load_project(options);
    } catch (const base::UsageError& error) {
        options.hears_compose = false;
        try {
            return load_project(options);
        } catch (const base::UsageError&) {
            throw error;
        }
    }
}

}  // namespace

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
    return load_by_either_word(options);
}

}  // namespace sandbox::project
