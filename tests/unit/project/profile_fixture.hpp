// A directory with profile files, loaded with an environment of its own.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/project/profile.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

namespace sandbox::project {

// The words of the error that `action` ends in: "FILE:L:C: message" + " (hint)".
template <typename F>
std::string failure_of(const F& action) {
    try {
        action();
    } catch (const base::Error& error) {
        return error.with_hint();
    }
    return "no error";
}

class ProfileDirectory {
  public:
    ProfileDirectory() {
        std::string pattern = "/tmp/sandbox-profile-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    ~ProfileDirectory() { (void)base::remove_tree_at(AT_FDCWD, path_); }
    ProfileDirectory(const ProfileDirectory&) = delete;
    ProfileDirectory& operator=(const ProfileDirectory&) = delete;

    void write(const std::string& name, const std::string& text) const {
        base::write_file_atomic(AT_FDCWD, path_ + "/" + name, text, 0644,
                                base::Durability::volatile_data);
    }
    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] Project load(std::vector<std::string> files = {}) const {
        LoadOptions options;
        options.files = std::move(files);
        options.current_dir = path_;
        options.hears_compose = hears_compose;
        options.environment = [this](const std::string& name) -> std::optional<std::string> {
            const auto found = environment.find(name);
            return found == environment.end() ? std::nullopt : std::optional(found->second);
        };
        return load_project(options);
    }
    [[nodiscard]] Project load_text(const std::string& text) const {
        write("sandbox.toml", text);
        return load();
    }
    [[nodiscard]] std::string failure(const std::string& text) const {
        return failure_of([&] { (void)load_text(text); });
    }

    std::map<std::string, std::string> environment;
    bool hears_compose = false;

  private:
    std::string path_;
};

// The same of compose.yaml.
inline Project load_yaml(const ProfileDirectory& directory, const std::string& text) {
    directory.write("compose.yaml", text);
    return directory.load();
}
inline std::string failure(const ProfileDirectory& directory, const std::string& text) {
    return failure_of([&] { (void)load_yaml(directory, text); });
}

}  // namespace sandbox::project
