// docker-credential-NAME programs: logins kept in a keyring (docker-credential-helpers protocol).
// The registry goes in on stdin, JSON comes back; no secret is ever an argument.
#pragma once

#include <string>

#include "registry/auth_file.hpp"

namespace sandbox::registry {

struct HelperAnswer {
    enum class Kind { found, not_found, helper_missing, helper_failed };
    Kind kind = Kind::not_found;
    Credential credential;  // found
    std::string reason;     // helper_failed: its words, cut and made safe to print
};

[[nodiscard]] HelperAnswer ask_helper(const std::string& name, const std::string& registry);
// Throw Error when the helper is missing or refuses.
void store_with_helper(const std::string& name, const std::string& registry,
                       const Credential& credential);
void erase_with_helper(const std::string& name, const std::string& registry);

}  // namespace sandbox::registry
