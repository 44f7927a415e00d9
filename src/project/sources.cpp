#include "sources.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::project {

std::string directory_of(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_compose_file(const std::string& path, bool behind_compose) noexcept {
    if (behind_compose) return !path.ends_with(".toml");
    return path == kStandardInput || path.ends_with(".yaml") || path.ends_with(".yml") ||
           path.ends_with(".json");
}

std::string Sources::absolute(const std::string& path) const {
    return base::clean_path(path.starts_with("/") ? path : current_dir_ + "/" + path);
}

std::string Sources::shown(const std::string& path) const {
    if (path == kStandardInput) return "standard input";
    const std::string prefix = current_dir_ + "/";
    return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

std::string Sources::read(const std::string& path) {
    constexpr size_t kMaxFileBytes = 4u << 20;
    constexpr size_t kMaxBytes = 64u << 20;  // of all files
    std::optional<std::string> text;
    if (path == kStandardInput) {
        text = base::with_context("standard input",
                                  [] { return base::read_fd(STDIN_FILENO, kMaxFileBytes); });
    } else {
        text = base::try_read_file_at(AT_FDCWD, path, kMaxFileBytes);
    }
    if (!text) {
        throw base::NotFoundError("no such file or directory: " + base::quote(shown(path)),
                                  "correct -f, or COMPOSE_FILE of the environment or of .env",
                                  base::exit_code::kFailure);
    }
    read_bytes_ += text->size();
    if (read_bytes_ > kMaxBytes) {
        throw base::UsageError(shown(path) + ": the project's files have more than 64 MiB together",
                               "files that are named again count again");
    }
    return std::move(*text);
}

std::uint32_t Sources::add(const std::string& path, std::shared_ptr<const Scope> scope,
                           std::string name) {
    constexpr size_t kMaxFiles = 1000;
    if (documents_.count() >= kMaxFiles) {
        throw base::UsageError(
            shown(path) + ": the project has more than " + std::to_string(kMaxFiles) + " files",
            "files that include others may do so twice and more");
    }
    if (name.empty()) name = shown(path);
    return documents_.add(std::move(name), read(path), std::move(scope));
}

}  // namespace sandbox::project
