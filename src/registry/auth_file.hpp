// The JSON that docker, podman and we keep logins in:
//   { "auths": { "host": { "auth": base64(user:password), "identitytoken": … } },
//     "credHelpers": { "host": "NAME" }, "credsStore": "NAME" }
// Text only; which files are read and how they are guarded: credentials.hpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/json.hpp"

namespace sandbox::registry {

struct Credential {
    std::string user;
    std::string password;
    std::string identity_token;  // OAuth2 refresh token, instead of a password
    std::string registry_token;  // a bearer token as it is
    [[nodiscard]] bool empty() const noexcept {
        return user.empty() && password.empty() && identity_token.empty() && registry_token.empty();
    }
};

class AuthFile {
  public:
    AuthFile() = default;
    // Throws IntegrityError; the message never holds a secret.
    static AuthFile parse(std::string_view text);

    // The entry for host[:port] and, when podman wrote one for a namespace, the longest prefix of
    // host/repository. Absent: none, or an empty one (docker's sign that a helper has it).
    [[nodiscard]] std::optional<Credential> try_find(std::string_view registry,
                                                     std::string_view repository) const;
    // Name of the helper for `registry`: credHelpers, else credsStore; "" when none.
    [[nodiscard]] std::string helper_for(std::string_view registry) const;
    [[nodiscard]] bool holds_secrets() const;
    [[nodiscard]] std::vector<std::string> registries() const;  // canonical, sorted

    void set(std::string_view registry, const Credential& credential);
    bool remove(std::string_view registry);  // false: was not there
    void remove_all();
    [[nodiscard]] std::string str() const;  // everything we do not know is kept

  private:
    base::json::Value root_;
};

// "https://index.docker.io/v1/", "registry-1.docker.io", "HOST/" … → "docker.io", "host".
[[nodiscard]] std::string canonical_registry(std::string_view key);

}  // namespace sandbox::registry
