// What exists of a project, and what has to be done so that the profile is what exists. The
// containers say themselves whose they are, by the labels that compose uses: there is no file of a
// project's state that could be wrong. Planning is pure; nothing here changes anything.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/project/profile.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::project {

// Labels of a project's containers. Scripts and other tools look for compose's.
namespace label {
inline constexpr const char* kProject = "com.docker.compose.project";
inline constexpr const char* kService = "com.docker.compose.service";
inline constexpr const char* kNumber = "com.docker.compose.container-number";
inline constexpr const char* kHash = "com.docker.compose.config-hash";
inline constexpr const char* kOneOff = "com.docker.compose.oneoff";
inline constexpr const char* kDirectory = "com.docker.compose.project.working_dir";
inline constexpr const char* kFiles = "com.docker.compose.project.config_files";
inline constexpr const char* kEnvFiles = "com.docker.compose.project.environment_file";
}  // namespace label

struct Deployed {
    std::string service;
    std::uint32_t number = 0;  // from 1; 0: a one-off run
    std::string id, name, hash, image_id;
    std::string state;  // docker's word
    int exit_code = 0;
    std::int64_t started_ns = 0;   // Unix time; 0: never
    std::string directory, files;  // whose profile it was made from
    // Of an `up` that makes a container anew, or was killed while it did: there is another one of
    // this number, whose place it is to take.
    bool is_successor = false;
    [[nodiscard]] bool is_running() const noexcept {
        return state == "running" || state == "paused" || state == "restarting";
    }
};
// In the order of service and number; without successors, which are nobody's business but up's and
// down's.
[[nodiscard]] std::vector<Deployed> find_deployed(const store::Store& store,
                                                  const std::string& project_name);
[[nodiscard]] std::vector<Deployed> find_all_deployed(const store::Store& store,
                                                      const std::string& project_name);
struct ProjectSummary {
    std::string name, directory, files;
    std::uint32_t running = 0, containers = 0;
};
// Every project that has containers: `sandbox compose ls`.
[[nodiscard]] std::vector<ProjectSummary> list_projects(const store::Store& store);

struct Action {
    enum class Kind { keep, start, create, recreate, remove, restart };
    Kind kind = Kind::keep;
    std::string service;
    std::uint32_t number = 1;
    std::string container;  // its name
    std::string id;         // of what is there; empty: create
    std::string reason;     // recreate, remove, restart: why
};

struct PlanOptions {
    std::vector<std::string> names;  // of select_services()
    std::map<std::string, std::uint32_t> scale;
    bool force_recreate = false, no_recreate = false, remove_orphans = false;
    bool no_create = false;  // only what exists: `start`
    bool no_start = false;   // only what runs
    bool alone = false;      // nobody is restarted because of it
    // Services whose restart policy has started them again, at that time (Unix, ns): to their
    // dependents they count as made anew.
    std::map<std::string, std::int64_t> restarted;
    // The id of the image that a reference means now; absent: not here.
    std::function<std::optional<std::string>(const std::string& image)> image_id;
};
// Throws the UsageError of the first service that cannot be made here (Service::refused).
void require_possible(const Project& project, const PlanOptions& options);
// In the order of start; removals first. Dependents that want it (Dependency::restart), and those
// that share its network, are restarted with what is made or started anew, those that run and are
// not among the names too. A task that has succeeded and has not changed is kept.
[[nodiscard]] std::vector<Action> make_plan(const Project& project,
                                            const std::vector<Deployed>& deployed,
                                            const PlanOptions& options);

// Whether `service` waits for `other` before it starts.
[[nodiscard]] bool needs(const Service& service, const std::string& other);
// Whether `service` is restarted whenever `other` is.
[[nodiscard]] bool restarts_with(const Service& service, const std::string& other);
// What a container is called that is to take the place of the one with that id, until it has.
[[nodiscard]] std::string successor_name(const std::string& id, const std::string& name);
[[nodiscard]] bool is_successor_name(std::string_view found, const std::string& name) noexcept;
// "PROJECT-SERVICE-N", or the service's own name.
[[nodiscard]] std::string container_name(const Project& project, const Service& service,
                                         std::uint32_t number);
// Of the service and of the content of a task's inputs: what kHash says.
[[nodiscard]] std::string deployment_hash(const Project& project, const Service& service);
// What `run` would be asked for container `number` of the service: name and labels put in.
[[nodiscard]] engine::RunRequest make_container_request(const Project& project,
                                                        const Service& service,
                                                        std::uint32_t number);

}  // namespace sandbox::project
