// A project as `config` shows it: every default of the files applied, every variable put in, keys
// as the profile knows them. The same text, hashed, tells whether a service has changed.
#pragma once

#include <string>

#include "sandbox/base/json.hpp"
#include "sandbox/project/profile.hpp"

namespace sandbox::project {

[[nodiscard]] base::json::Value resolved_service(const Project& project, const Service& service);
[[nodiscard]] base::json::Value resolved_project(const Project& project);
// As a profile that means the same.
[[nodiscard]] std::string resolved_toml(const Project& project);
// The same in JSON, which is a compose file, too.
[[nodiscard]] std::string resolved_json(const Project& project);
// 64 hex digits. Changes when, and only when, another container would be made: scale, dependencies
// and watches do not count.
[[nodiscard]] std::string service_hash(const Project& project, const Service& service);

}  // namespace sandbox::project
