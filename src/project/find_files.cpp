#include "find_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "dotenv.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/base/xdg.hpp"

namespace sandbox::project {
namespace {

using base::quote;

// Beside the file that was found. Compose takes any of its names beside any other.
std::optional<std::string> try_override_of(const std::string& directory, const std::string& name) {
    std::vector<std::string> names{"compose.override.yml", "compose.override.yaml",
                                   "docker-compose.override.yml", "docker-compose.override.yaml"};
    if (name.ends_with(".toml")) names = {"sandbox.override.toml"};
    for (const std::string& each : names) {
        const std::string path = directory + "/" + each;
        if (base::exists_at(AT_FDCWD, path)) return path;
    }
    return std::nullopt;
}

std::vector<std::string> find_upward(const std::string& start) {
    const std::string home = base::host_user().home;
    for (std::string directory = base::clean_path(start);; directory = directory_of(directory)) {
        const std::string prefix = directory == "/" ? "" : directory;
        for (const std::string& name : profile_file_names()) {
            if (!base::exists_at(AT_FDCWD, prefix + "/" + name)) continue;
            std::vector<std::string> files{prefix + "/" + name};
            if (auto extra = try_override_of(prefix, name)) files.push_back(std::move(*extra));
            return files;
        }
        if (directory == "/" || directory == home) break;
    }
    throw base::NotFoundError("no sandbox.toml in " + quote(start) + " or above it",
                              "`sandbox init` writes one; -f names another file",
                              base::exit_code::kFailure);
}

class Finder {
  public:
    Finder(const LoadOptions& options, Sources& sources) : options_(options), sources_(sources) {}

    FoundFiles find() {
        FoundFiles found;
        const std::string start =
            options_.directory.empty() ? options_.current_dir : absolute(options_.directory);
        std::map<std::string, std::string> first;  // of the .env that may name the files
        const bool hears = options_.files.empty() && options_.hears_compose;
        if (hears) first = load(variable_files({start}));
        for (const std::string& file : listed_files(first)) {
            found.files.push_back(is_standard_input(file) ? kStandardInput : absolute(file));
        }
        if (std::count(found.files.begin(), found.files.end(), kStandardInput) > 1) {
            throw base::UsageError("-f - names standard input twice", "it can be read once");
        }
        if (found.files.empty()) {
            found.files = find_upward(options_.hears_compose ? start : options_.current_dir);
        }
        found.directory = options_.directory.empty() ? directory_of_first(found.files) : start;
        std::vector<std::string> places{found.directory};
        if (hears && start != found.directory) places.push_back(start);
        found.env_files = variable_files(places);
        found.dotenv = load(found.env_files);
        return found;
    }

  private:
    [[nodiscard]] std::string absolute(const std::string& path) const {
        return sources_.absolute(path);
    }

    // docker's users write the device, too; a name alone says nothing of TOML.
    [[nodiscard]] bool is_standard_input(const std::string& file) const {
        return file == kStandardInput || (options_.hears_compose && file == "/dev/stdin");
    }

    // Compose: standard input is nowhere; with nothing else, the working directory.
    [[nodiscard]] std::string directory_of_first(const std::vector<std::string>& files) const {
        for (const std::string& file : files) {
            if (file != kStandardInput) return directory_of(file);
        }
        return base::clean_path(options_.current_dir);
    }

    // The flags', or .env in these directories.
    [[nodiscard]] std::vector<std::string> variable_files(
        const std::vector<std::string>& directories) const {
        std::vector<std::string> files;
        for (const std::string& file : options_.env_files) files.push_back(absolute(file));
        if (!files.empty()) return files;
        for (const std::string& directory : directories) {
            if (auto path = try_dotenv_in(directory)) files.push_back(std::move(*path));
        }
        return files;
    }

    [[nodiscard]] std::map<std::string, std::string> load(
        const std::vector<std::string>& files) const {
        return load_dotenv(sources_, files, options_.environment);
    }

    [[nodiscard]] std::vector<std::string> listed_files(
        const std::map<std::string, std::string>& dotenv) const {
        if (!options_.files.empty()) return options_.files;
        const auto own = options_.environment("SANDBOX_FILE");
        if (own && !own->empty()) return base::split(*own, ':');
        if (!options_.hears_compose) return {};
        const auto value = [&](const std::string& name) -> std::string {
            if (auto outer = options_.environment(name)) return *outer;
            const auto found = dotenv.find(name);
            return found == dotenv.end() ? "" : found->second;
        };
        const std::string listed = value("COMPOSE_FILE");
        if (listed.empty()) return {};
        const std::string separator = value("COMPOSE_PATH_SEPARATOR");
        std::vector<std::string> files;
        for (size_t at = 0; at <= listed.size();) {
            const size_t end = listed.find(separator.empty() ? ":" : separator, at);
            files.push_back(listed.substr(at, end == std::string::npos ? end : end - at));
            if (end == std::string::npos) break;
            at = end + std::max<size_t>(1, separator.size());
        }
        std::erase(files, std::string());
        return files;
    }

    const LoadOptions& options_;
    Sources& sources_;
};

}  // namespace

FoundFiles find_files(const LoadOptions& options, Sources& sources) {
    return Finder(options, sources).find();
}

std::optional<std::string> try_dotenv_in(const std::string& directory) {
    std::string path = (directory == "/" ? "" : directory) + "/.env";
    struct stat status {};
    const bool is_directory = ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    // What else cannot be read is told then.
    if (is_directory || !base::exists_at(AT_FDCWD, path)) return std::nullopt;
    return path;
}

std::map<std::string, std::string> load_dotenv(Sources& sources,
                                               const std::vector<std::string>& files,
                                               const Variables& outer) {
    std::map<std::string, std::string> all;
    const Variables earlier = [&](const std::string& name) -> std::optional<std::string> {
        if (auto value = outer(name)) return value;
        const auto found = all.find(name);
        return found == all.end() ? std::nullopt : std::optional(found->second);
    };
    for (const std::string& file : files) {
        const std::string text = sources.read(file);
        for (auto& [name, value] : parse_dotenv(text, sources.shown(file), earlier)) {
            all[name] = std::move(value);
        }
    }
    return all;
}

}  // namespace sandbox::project
