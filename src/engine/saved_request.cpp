#include "engine/saved_request.hpp"

#include "engine/flags/option_flags.hpp"

#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "engine/memory_files.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

template <typename Request, typename Visit>
void visit_network_fields(Request& r, Visit&& visit) {
    visit("network", r.network);
    visit("networks", r.networks);
    visit("network_aliases", r.network_aliases);
    visit("ip", r.ip);
    visit("ip6", r.ip6);
    visit("mac_address", r.mac_address);
    visit("host_access", r.host_access);
    visit("add_host", r.add_host);
    visit("dns", r.dns);
    visit("dns_search", r.dns_search);
    visit("dns_option", r.dns_option);
    visit("publish", r.publish);
    visit("publish_all", r.publish_all);
}

// Every field that is kept, with its key. Each flag that a later start needs has a line here.
template <typename Request, typename Visit>
void visit_fields(Request& r, Visit&& visit) {
    visit("image", r.image);
    visit("command", r.command);
    visit("entrypoint", r.entrypoint);
    visit("env", r.env);
    visit("unset_env", r.unset_env);
    visit("unset_env_all", r.unset_env_all);
    visit("working_dir", r.working_dir);
    visit("user", r.user);
    visit("hostname", r.hostname);
    visit("name", r.name);
    visit("shm_size", r.shm_size);
    visit("stop_signal", r.stop_signal);
    visit("pids_limit", r.pids_limit);
    visit("userns", r.userns);
    visit("identity", r.identity);
    visit("memory", r.memory);
    visit("memory_swap", r.memory_swap);
    visit("memory_reservation", r.memory_reservation);
    visit("cpus", r.cpus);
    visit("cpu_shares", r.cpu_shares);
    visit("cpu_quota", r.cpu_quota);
    visit("cpu_period", r.cpu_period);
    visit("cpuset_cpus", r.cpuset_cpus);
    visit("cpuset_mems", r.cpuset_mems);
    visit("blkio_weight", r.blkio_weight);
    visit("oom_score_adj", r.oom_score_adj);
    visit("strict_limits", r.strict_limits);
    visit("restart", r.restart);
    visit("follow_up", r.follow_up);
    visit("health_cmd", r.health_cmd);
    visit("health_interval", r.health_interval);
    visit("health_timeout", r.health_timeout);
    visit("health_start_period", r.health_start_period);
    visit("health_start_interval", r.health_start_interval);
    visit("health_retries", r.health_retries);
    visit("no_healthcheck", r.no_healthcheck);
    visit("health_eager", r.health_eager);
    visit("seccomp_profile", r.seccomp_profile);
    visit("cap_add", r.cap_add);
    visit("cap_drop", r.cap_drop);
    visit("security_opt", r.security_opt);
    visit("ulimits", r.ulimits);
    visit("labels", r.labels);
    visit("annotations", r.annotations);
    visit("group_add", r.group_add);
    visit("sysctls", r.sysctls);
    visit("expose", r.expose);
    visit("memory_files", r.memory_files);
    visit("stop_timeout_seconds", r.stop_timeout_seconds);
    visit("timeout_seconds", r.timeout_seconds);
    visit("remove", r.remove);
    visit("interactive", r.interactive);
    visit("tty", r.tty);
    visit("init", r.init);
    visit("read_only", r.read_only);
    visit("privileged", r.privileged);
    visit("no_hosts", r.no_hosts);
    visit_network_fields(r, visit);
}

template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

void save_field(json::Object& object, const char* key, const std::vector<MemoryFile>& field) {
    if (!field.empty()) object.append(key, memory_files_to_json(field));
}

template <typename T>
void save_field(json::Object& object, const char* key, const T& field) {
    if constexpr (IsOptional<T>::value) {
        if (field) object.append(key, json::Value(*field));
    } else if (field != T{}) {
        object.append(key, json::Value(field));
    }
}

[[noreturn]] void throw_bad(const std::string& key) {
    throw base::IntegrityError("the container's record is damaged: " + base::quote(key),
                               "remove the container and make it again");
}

void load_field(const json::Value& value, const std::string& key, std::string& field) {
    const std::string* text = value.as_string();
    if (text == nullptr) throw_bad(key);
    field = *text;
}

void load_field(const json::Value& value, const std::string& key, bool& field) {
    const bool* flag = value.as_bool();
    if (flag == nullptr) throw_bad(key);
    field = *flag;
}

void load_field(const json::Value& value, const std::string& key, std::uint32_t& field) {
    const auto number = value.try_u64();
    if (!number || *number > UINT32_MAX) throw_bad(key);
    field = static_cast<std::uint32_t>(*number);
}

[[maybe_unused]] void load_field(const json::Value& value, const std::string& key,
                                 std::uint64_t& field) {
    const auto number = value.try_u64();
    if (!number) throw_bad(key);
    field = *number;
}

[[maybe_unused]] void load_field(const json::Value& value, const std::string& key, double& field) {
    const auto number = value.try_double();
    if (!number) throw_bad(key);
    field = *number;
}

void load_field(const json::Value& value, const std::string& key, std::vector<std::string>& field) {
    const json::Array* array = value.as_array();
    if (array == nullptr) throw_bad(key);
    for (const json::Value& each : *array) load_field(each, key, field.emplace_back());
}

void load_field(const json::Value& value, const std::string&, std::vector<MemoryFile>& field) {
    field = memory_files_from_json(value);
}

template <typename T>
void load_field(const json::Value& value, const std::string& key, std::optional<T>& field) {
    load_field(value, key, field.emplace());
}

}  // namespace

RunRequest settle_request(const RunRequest& request, const ParsedRequest& parsed, bool tty,
                          bool interactive) {
    RunRequest settled = request;
    settled.env.clear();
    for (const EnvAssignment& each : parsed.env)
        settled.env.push_back(each.name + "=" + each.value);
    settled.env_files.clear();
    settled.labels.clear();
    for (const auto& [key, value] : parsed.labels) settled.labels.push_back(key + "=" + value);
    settled.label_files.clear();
    settled.volumes.clear();
    settled.mounts.clear();
    settled.tmpfs.clear();
    settled.devices.clear();
    settled.ulimits.clear();
    for (const auto& [resource, limit] : parsed.ulimits) {
        settled.ulimits.push_back(ulimit_text(resource, limit));
    }
    settled.volumes_from.clear();
    settled.carried_volumes.clear();
    if (!parsed.security.seccomp_file.empty()) settled.seccomp_profile = parsed.seccomp_profile;
    settled.tty = tty;
    settled.interactive = interactive;
    return settled;
}

json::Value request_to_json(const RunRequest& request) {
    json::Object object;
    visit_fields(request,
                 [&](const char* key, const auto& field) { save_field(object, key, field); });
    return json::Value(std::move(object));
}

RunRequest request_from_json(const json::Value& document) {
    const json::Object* object = document.as_object();
    if (object == nullptr) {
        throw base::Error("the container's record does not say how to start it",
                          "only containers made by create, run -d or run --name can be started");
    }
    RunRequest request;
    std::set<std::string, std::less<>> known;
    visit_fields(request, [&](const char* key, auto& field) {
        known.insert(key);
        if (const json::Value* value = object->find(key)) load_field(*value, key, field);
    });
    for (const json::Object::Member& member : *object) {
        if (known.contains(member.first)) continue;
        throw base::Error("this container was made by a newer version of sandbox (" +
                              base::quote(member.first) + " is unknown)",
                          "start it with that version");
    }
    return request;
}

}  // namespace sandbox::engine
