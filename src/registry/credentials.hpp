// Whose login goes to which registry. Ours is $XDG_CONFIG_HOME/sandbox/auth.json (0600 in a 0700
// directory); docker's and podman's files are read when ours has nothing, and never written.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "registry/auth_file.hpp"
#include "registry/proxy.hpp"

namespace sandbox::registry {

class Credentials {
  public:
    explicit Credentials(Environment environment) : environment_(std::move(environment)) {}

    // Reads files and asks helpers on first need, each once. Throws Error when our own file cannot
    // be trusted (a link, another's).
    [[nodiscard]] std::optional<Credential> try_find(const std::string& registry,
                                                     const std::string& repository);
    // Our file (or the helper that our file names).
    void store(const std::string& registry, const Credential& credential);
    bool remove(const std::string& registry);  // false: there was nothing
    bool remove_all();

  private:
    struct Source {
        std::string path;
        AuthFile file;
    };
    void load();
    std::optional<Credential> try_find_in(const Source& source, const std::string& registry,
                                          const std::string& repository);

    Environment environment_;
    bool loaded_ = false;
    std::vector<Source> sources_;  // in order of preference; ours first, when it is there
    std::map<std::string, std::optional<Credential>> helper_answers_;  // by "helper registry"
};

[[nodiscard]] std::string own_auth_path();
// Absent when not there. Repairs the mode with a notice; throws Error on a link or another's file.
[[nodiscard]] std::optional<AuthFile> try_load_own_auth_file();
void save_own_auth_file(const AuthFile& file);
// In the order in which they are asked.
[[nodiscard]] std::vector<std::string> foreign_auth_paths(const Environment& environment);
// Absent (with a warning once) when it cannot be read, is malformed, is owned by another user, or
// holds secrets that others can read.
[[nodiscard]] std::optional<AuthFile> try_load_foreign_auth_file(const std::string& path);

}  // namespace sandbox::registry
