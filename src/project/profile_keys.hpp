// The keys of the profile itself: name, networks, volumes, secrets. Services are read by
// read_service_keys(), after these.
#pragma once

#include "keys.hpp"
#include "sandbox/project/profile.hpp"

namespace sandbox::project {

struct ProfileDraft {
    Project& project;
    const Node* services = nullptr;
    const Node* tasks = nullptr;
};

// All but services and tasks, which are only found.
// The value of "name". Throws UsageError with its place.
[[nodiscard]] std::string read_project_name(Reader& reader, const Node& node);
void read_profile_keys(Reader& reader, const Node& root, ProfileDraft& draft);
// A project's name: what may stand in names of containers, volumes and networks.
[[nodiscard]] bool is_project_name(std::string_view name) noexcept;
// "My Blog" → "my-blog"; "project" when nothing is left.
[[nodiscard]] std::string make_project_name(std::string_view directory);

}  // namespace sandbox::project
