#include "sandbox/project/deployment.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "networks.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/project/dependents.hpp"
#include "sandbox/project/secrets.hpp"

namespace sandbox::project {
namespace {

constexpr size_t kShortId = 12;
constexpr size_t kSuccessorTail = 242;  // a name has 255 at most

Deployed make_deployed(const engine::ContainerRow& row) {
    Deployed deployed;
    deployed.service = row.labels.string_or(label::kService);
    const auto number = base::try_parse_u64(row.labels.string_or(label::kNumber));
    const bool one_off = row.labels.string_or(label::kOneOff) == "True";
    deployed.number = one_off ? 0 : static_cast<std::uint32_t>(number.value_or(0));
    deployed.id = row.id;
    deployed.name = row.name;
    deployed.hash = row.labels.string_or(label::kHash);
    deployed.image_id = row.image_id;
    deployed.state = row.state;
    deployed.exit_code = row.exit_code;
    deployed.started_ns = row.started_ns;
    deployed.directory = row.labels.string_or(label::kDirectory);
    deployed.files = row.labels.string_or(label::kFiles);
    return deployed;
}

std::string duration_flag(std::chrono::nanoseconds duration) {
    return std::to_string(duration.count()) + "ns";
}

// `ready` is the stricter word: where both are written, it is what the supervisor asks.
void apply_check(const Service& service, engine::RunRequest& request) {
    request.health_eager = true;  // `up` waits, for the image's own check, too
    const std::optional<Check>& check = service.ready ? service.ready : service.healthcheck;
    if (!check || check->port) return;
    if (check->disabled) {
        request.no_healthcheck = true;
        return;
    }
    if (!check->command.empty()) {
        request.health_cmd = check->shell ? check->command.front()
                                          : base::json::dump(base::json::Value(check->command), 0,
                                                             base::json::Escape::plain);
    }
    request.health_interval = duration_flag(check->interval);
    request.health_timeout = duration_flag(check->timeout);
    request.health_start_period = duration_flag(check->start_period);
    request.health_start_interval = duration_flag(check->start_interval);
    request.health_retries = std::to_string(check->retries);
}

// compose: another service's network is that of its first container.
std::optional<std::string> network_mode_of(const Project& project, const Service& service) {
    constexpr std::string_view kService = "service:";
    const std::optional<std::string>& mode = service.request.network;
    if (!mode || !mode->starts_with(kService)) return mode;
    const Service* other = project.find_service(mode->substr(kService.size()));
    return other == nullptr ? mode : "container:" + container_name(project, *other, 1);
}

}  // namespace

std::vector<Deployed> find_deployed(const store::Store& store, const std::string& project_name) {
    std::vector<Deployed> all = find_all_deployed(store, project_name);
    std::erase_if(all, [](const Deployed& each) { return each.is_successor; });
    return all;
}

std::vector<Deployed> find_all_deployed(const store::Store& store,
                                        const std::string& project_name) {
    std::vector<Deployed> all;
    for (const engine::ContainerRow& row : engine::list_containers(store)) {
        if (row.labels.string_or(label::kProject) == project_name) {
            all.push_back(make_deployed(row));
        }
    }
    std::sort(all.begin(), all.end(), [](const Deployed& a, const Deployed& b) {
        return std::tie(a.service, a.number, a.name) < std::tie(b.service, b.number, b.name);
    });
    for (Deployed& each : all) {
        each.is_successor = std::any_of(all.begin(), all.end(), [&](const Deployed& former) {
            return former.service == each.service && former.number == each.number &&
                   each.name.starts_with(former.id.substr(0, kShortId) + "_");
        });
    }
    return all;
}

std::vector<ProjectSummary> list_projects(const store::Store& store) {
    std::map<std::string, ProjectSummary> by_name;
    for (const engine::ContainerRow& row : engine::list_containers(store)) {
        const std::string name = row.labels.string_or(label::kProject);
        if (name.empty()) continue;
        const Deployed deployed = make_deployed(row);
        ProjectSummary& summary = by_name[name];
        summary.name = name;
        summary.directory = deployed.directory;
        summary.files = deployed.files;
        ++summary.containers;
        if (deployed.is_running()) ++summary.running;
    }
    std::vector<ProjectSummary> all;
    for (auto& [name, summary] : by_name) all.push_back(std::move(summary));
    return all;
}

std::string container_name(const Project& project, const Service& service, std::uint32_t number) {
    if (!service.container_name.empty()) return service.container_name;
    return project.name + "-" + service.name + "-" + std::to_string(number);
}

std::string successor_name(const std::string& id, const std::string& name) {
    return id.substr(0, kShortId) + "_" + name.substr(0, kSuccessorTail);
}

bool is_successor_name(std::string_view found, const std::string& name) noexcept {
    const size_t digits = found.find_first_not_of("0123456789abcdef");
    return digits == kShortId && found[digits] == '_' &&
           found.substr(digits + 1) == std::string_view(name).substr(0, kSuccessorTail);
}

engine::RunRequest make_container_request(const Project& project, const Service& service,
                                          std::uint32_t number) {
    if (service.refused) throw *service.refused;
    engine::RunRequest request = service.request;
    request.env.clear();  // those of the profile stand over those of files
    for (const auto& [name, value] : service.file_env) request.env.push_back(name + "=" + value);
    request.env.insert(request.env.end(), service.request.env.begin(), service.request.env.end());
    request.name = container_name(project, service, number);
    request.image = service.image();
    if (!service.locked_image.empty() && request.pull == image::PullPolicy::always) {
        request.pull = image::PullPolicy::missing;  // a digest cannot have become another image
    }
    if (!service.identity.empty()) request.identity = service.identity;
    const auto add = [&](const char* key, const std::string& value) {
        request.labels.push_back(std::string(key) + "=" + value);
    };
    add(label::kProject, project.name);
    add(label::kService, service.name);
    add(label::kNumber, std::to_string(number));
    add(label::kHash, deployment_hash(project, service));
    add(label::kOneOff, "False");
    add(label::kDirectory, project.directory);
    add(label::kFiles, base::join(project.files, ","));
    // Compose: where .env beside the project is not all there is.
    const std::vector<std::string> usual{project.directory + "/.env"};
    if (!project.env_files.empty() && project.env_files != usual) {
        add(label::kEnvFiles, base::join(project.env_files, ","));
    }
    request.remove = false;
    request.detached = true;
    if (!service.is_task) request.follow_up = kFollowUpVerb;
    if (request.restart == "no") request.restart.reset();
    apply_check(service, request);
    request.memory_files = memory_files_of(project, service);
    request.network = network_mode_of(project, service);
    request.networks = network_words(project, service);
    request.host_access = service.host_access;
    // docker: another service's volumes are named by its container.
    for (std::string& from : request.volumes_from) {
        const size_t colon = from.find(':');
        const std::string name = from.substr(0, colon);
        if (const Service* other = project.find_service(name)) {
            from = container_name(project, *other, 1) +
                   (colon == std::string::npos ? "" : from.substr(colon));
        }
    }
    return request;
}

}  // namespace sandbox::project
