#include "sandbox/project/resolved.hpp"

#include "sandbox/project/secrets.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "object_maker.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"
#include "toml_text.hpp"
#include "written_value.hpp"

namespace sandbox::project {
namespace {

namespace json = base::json;
using json::Array;
using json::Object;
using json::Value;

constexpr std::array<const char*, 2> kSecretKeys{"secrets", "configs"};

std::string duration_text(std::chrono::nanoseconds duration) {
    const auto count = duration.count();
    if (count % 1'000'000'000 == 0) return std::to_string(count / 1'000'000'000) + "s";
    if (count % 1'000'000 == 0) return std::to_string(count / 1'000'000) + "ms";
    return std::to_string(count) + "ns";
}

Value check_value(const Check& check) {
    ObjectMaker out;
    if (check.disabled) {
        out.object["disable"] = true;
        return out.object;
    }
    if (check.port) {
        out.object["port"] = static_cast<int>(*check.port);
    } else if (check.shell) {
        out.object["command"] = check.command.at(0);
    } else {
        out.words("command", check.command);
    }
    out.object["interval"] = duration_text(check.interval);
    out.object["timeout"] = duration_text(check.timeout);
    out.object["retries"] = check.retries;
    if (check.start_period.count() != 0) {
        out.object["start_period"] = duration_text(check.start_period);
        out.object["start_interval"] = duration_text(check.start_interval);
    }
    return out.object;
}

std::string_view condition_text(Condition condition) {
    constexpr std::array<std::string_view, 4> kNames{"started", "healthy", "ready", "completed"};
    return kNames[static_cast<size_t>(condition)];
}

Value dependencies_value(const Service& service) {
    Object all;
    for (const Dependency& dependency : service.depends_on) {
        Object one{{"condition", std::string(condition_text(dependency.condition))}};
        if (!dependency.required) one["required"] = false;
        if (dependency.restart) one["restart"] = true;
        all[dependency.service] = std::move(one);
    }
    return all;
}

Value networks_value(const Service& service) {
    Object all;
    for (const NetworkUse& use : service.networks) {
        ObjectMaker one;
        one.words("aliases", use.aliases);
        one.text("ipv4_address", use.ipv4);
        one.text("ipv6_address", use.ipv6);
        one.text("mac_address", use.mac);
        all[use.network] = std::move(one.object);
    }
    return all;
}

Value secrets_value(const Service& service, bool configs) {
    Array all;
    for (const SecretUse& use : service.secrets) {
        if (use.is_config != configs) continue;
        ObjectMaker one;
        one.text("source", use.secret);
        one.text("target", use.target);
        one.text("uid", use.uid);
        one.text("gid", use.gid);
        std::array<char, 8> mode{};
        (void)std::snprintf(mode.data(), mode.size(), "%04o", use.mode);
        one.object["mode"] = std::string(mode.data());
        all.emplace_back(std::move(one.object));
    }
    return all;
}

Value env_files_value(const Service& service) {
    Array all;
    for (const EnvFileUse& file : service.env_files) {
        if (file.raw) {
            all.emplace_back(Object{{"path", file.path}, {"format", "raw"}});
        } else {
            all.emplace_back(file.path);
        }
    }
    return all;
}

Value watches_value(const Service& service) {
    constexpr std::array<const char*, 4> kActions{"restart", "sync", "sync+restart", "task"};
    Array all;
    for (const Watch& watch : service.watch) {
        ObjectMaker one;
        one.text("path", watch.path);
        one.object["action"] = kActions[static_cast<size_t>(watch.action)];
        one.text("target", watch.target);
        one.text("task", watch.task);
        one.words("ignore", watch.ignore);
        all.emplace_back(std::move(one.object));
    }
    return all;
}

void add_limits(const engine::RunRequest& request, ObjectMaker& out) {
    out.text("mem_limit", request.memory);
    out.text("memswap_limit", request.memory_swap);
    out.text("mem_reservation", request.memory_reservation);
    out.text("cpus", request.cpus);
    out.number("cpu_shares", request.cpu_shares);
    out.number("cpu_quota", request.cpu_quota);
    out.text("cpu_period", request.cpu_period);
    out.text("cpuset", request.cpuset_cpus);
    out.number("pids_limit", request.pids_limit);
    out.number("oom_score_adj", request.oom_score_adj);
    out.text("shm_size", request.shm_size);
    if (!request.ulimits.empty()) {
        Object table;
        for (const std::string& line : request.ulimits) {
            const size_t equals = line.find('=');
            const std::vector<std::string> values = base::split(line.substr(equals + 1), ':');
            const auto soft = base::try_parse_i64(values[0]);
            if (values.size() == 2) {
                table[line.substr(0, equals)] =
                    Object{{"soft", soft.value_or(0)},
                           {"hard", base::try_parse_i64(values[1]).value_or(0)}};
            } else {
                table[line.substr(0, equals)] = soft ? Value(*soft) : Value(values[0]);
            }
        }
        out.object["ulimits"] = std::move(table);
    }
}

void add_process(const engine::RunRequest& request, ObjectMaker& out) {
    out.text("image", request.image);
    if (request.platform) out.object["platform"] = request.platform->str();
    if (request.pull == image::PullPolicy::always) out.object["pull_policy"] = "always";
    if (request.pull == image::PullPolicy::never) out.object["pull_policy"] = "never";
    if (request.entrypoint) {
        std::vector<std::string> words;
        if (!request.entrypoint->empty()) words.push_back(*request.entrypoint);
        out.object["entrypoint"] = words;
    }
    out.words("command", request.command);
    out.pairs("environment", request.env);
    out.text("working_dir", request.working_dir);
    out.text("user", request.user);
    out.words("group_add", request.group_add);
    out.text("hostname", request.hostname);
}

void add_isolation(const engine::RunRequest& request, ObjectMaker& out) {
    out.words("tmpfs", request.tmpfs);
    out.words("volumes_from", request.volumes_from);
    out.flag("read_only", request.read_only);
    out.flag("privileged", request.privileged);
    out.words("cap_add", request.cap_add);
    out.words("cap_drop", request.cap_drop);
    out.words("security_opt", request.security_opt);
    out.words("devices", request.devices);
    out.pairs("sysctls", request.sysctls);
    out.words("extra_hosts", request.add_host);
    out.words("dns", request.dns);
    out.words("dns_search", request.dns_search);
    out.words("dns_opt", request.dns_option);
    out.pairs("labels", request.labels);
    out.words("label_file", request.label_files);
    out.pairs("annotations", request.annotations);
    if (request.init) out.object["init"] = *request.init;
    if (request.tty) out.object["tty"] = *request.tty;
    out.flag("stdin_open", request.interactive);
    out.text("stop_signal", request.stop_signal);
    if (request.stop_timeout_seconds) {
        out.object["stop_grace_period"] = std::to_string(*request.stop_timeout_seconds) + "s";
    }
}

// The volume's key in the profile: its name in the store without what we put in front.
std::string plain_volume(const Project& project, const Service& service, const std::string& entry) {
    for (const std::string& use : service.volume_uses) {
        const std::string scoped = project.scoped_name(*project.find_volume(use)) + ":";
        if (entry.starts_with(scoped)) return use + ":" + entry.substr(scoped.size());
    }
    return entry;
}

// "volume-nocopy" and "volume-label", "NAME=value".
void add_volume_detail(const std::string& key, const std::string& value, Object& mount) {
    Object details;
    if (const Value* before = mount.find("volume")) details = *before->as_object();
    if (key == "volume-nocopy") {
        details["nocopy"] = true;
    } else {
        Object labels;
        if (const Value* before = details.find("labels")) labels = *before->as_object();
        const size_t equals = value.find('=');
        labels[value.substr(0, equals)] = value.substr(equals + 1);
        details["labels"] = std::move(labels);
    }
    mount["volume"] = std::move(details);
}

// "type=volume,source=p_x,target=/y,readonly" as the long form.
Value long_mount(const Project& project, const Service& service, const std::string& line) {
    Object mount;
    Object bind{{"create_host_path", false}};
    for (const std::string& field : base::split(line, ',')) {
        const size_t equals = field.find('=');
        const std::string key = field.substr(0, equals);
        std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
        if (key == "source") {
            for (const std::string& use : service.volume_uses) {
                if (project.scoped_name(*project.find_volume(use)) == value) value = use;
            }
        }
        if (key == "readonly") {
            mount["read_only"] = true;
        } else if (key.starts_with("volume-")) {
            add_volume_detail(key, value, mount);
        } else if (key.starts_with("bind-")) {
            bind[key == "bind-recursive" ? "recursive" : "create_host_path"] =
                key == "bind-recursive" ? Value(value) : Value(true);
        } else if (key.starts_with("tmpfs-")) {
            Object details;
            if (const Value* before = mount.find("tmpfs")) details = *before->as_object();
            details[key.substr(6)] = value;
            mount["tmpfs"] = std::move(details);
        } else {
            mount[key] = value;
        }
    }
    if (mount["type"].as_string() != nullptr && *mount["type"].as_string() == "bind") {
        mount["bind"] = std::move(bind);
    }
    return mount;
}

void add_volumes(const Project& project, const Service& service, ObjectMaker& out) {
    Array all;
    for (const std::string& entry : service.request.volumes) {
        all.emplace_back(plain_volume(project, service, entry));
    }
    for (const std::string& line : service.request.mounts) {
        all.push_back(long_mount(project, service, line));
    }
    if (!all.empty()) out.object["volumes"] = std::move(all);
}

Object resolved_networks(const Project& project) {
    Object all;
    for (const Network& network : project.networks) {
        ObjectMaker one;
        one.text("name", network.given_name);
        one.flag("external", network.external);
        one.flag("internal", network.internal);
        one.text("subnet", network.subnet);
        one.text("subnet6", network.subnet6);
        one.text("gateway", network.gateway);
        if (network.ipv6) one.object["enable_ipv6"] = *network.ipv6;
        if (!network.labels.empty()) one.object["labels"] = network.labels;
        all[network.name] = std::move(one.object);
    }
    return all;
}

Object resolved_volumes(const Project& project) {
    Object all;
    for (const Volume& volume : project.volumes) {
        ObjectMaker one;
        one.text("name", volume.given_name);
        one.flag("external", volume.external);
        if (!volume.labels.empty()) one.object["labels"] = volume.labels;
        if (!volume.options.empty()) one.object["driver_opts"] = volume.options;
        all[volume.name] = std::move(one.object);
    }
    return all;
}

Object resolved_secrets(const Project& project, bool configs) {
    Object all;
    for (const Secret& secret : project.secrets) {
        if (secret.is_config != configs) continue;
        ObjectMaker one;
        one.text("file", secret.file);
        one.text("environment", secret.environment);
        one.text("content", secret.content);
        one.flag("external", secret.external);
        all[secret.name] = std::move(one.object);
    }
    return all;
}

}  // namespace

Value resolved_service(const Project& project, const Service& service) {
    ObjectMaker out;
    add_process(service.request, out);
    if (Value files = env_files_value(service); !files.as_array()->empty()) {
        out.object["env_file"] = std::move(files);
    }
    out.text("container_name", service.container_name);
    out.words("ports", service.request.publish);
    out.words("expose", service.request.expose);
    out.words("host_access", service.host_access);
    add_volumes(project, service, out);
    if (service.request.network) out.object["network_mode"] = *service.request.network;
    if (!service.networks.empty()) out.object["networks"] = networks_value(service);
    if (!service.depends_on.empty()) out.object["depends_on"] = dependencies_value(service);
    if (service.ready) out.object["ready"] = check_value(*service.ready);
    if (service.healthcheck) out.object["healthcheck"] = check_value(*service.healthcheck);
    out.text("restart", service.request.restart);
    add_isolation(service.request, out);
    add_limits(service.request, out);
    for (const bool configs : {false, true}) {
        Value uses = secrets_value(service, configs);
        if (!uses.as_array()->empty()) out.object[kSecretKeys[configs]] = std::move(uses);
    }
    if (service.request.log_driver || !service.request.log_options.empty()) {
        ObjectMaker logging;
        logging.text("driver", service.request.log_driver);
        logging.pairs("options", service.request.log_options);
        out.object["logging"] = std::move(logging.object);
    }
    out.words("profiles", service.profiles);
    if (service.scale != 1) out.object["scale"] = service.scale;
    if (!service.attach) out.object["attach"] = false;
    out.text("identity", service.identity);
    if (!service.watch.empty()) out.object["watch"] = watches_value(service);
    if (service.is_task && !service.cache) out.object["cache"] = false;
    out.words("inputs", service.inputs);
    return out.object;
}

Value resolved_project(const Project& project) {
    Object root{{"name", project.name}};
    Object services, tasks;
    for (const Service& service : project.services) {
        (service.is_task ? tasks : services)[service.name] = resolved_service(project, service);
    }
    if (!services.empty()) root["services"] = std::move(services);
    if (!tasks.empty()) root["tasks"] = std::move(tasks);
    if (!project.networks.empty()) root["networks"] = resolved_networks(project);
    if (!project.volumes.empty()) root["volumes"] = resolved_volumes(project);
    for (const bool configs : {false, true}) {
        Object all = resolved_secrets(project, configs);
        if (!all.empty()) root[kSecretKeys[configs]] = std::move(all);
    }
    return root;
}

std::string resolved_toml(const Project& project) {
    return make_toml(to_node(escaped(resolved_project(project))));
}

std::string resolved_json(const Project& project) {
    return json::dump(escaped(resolved_project(project)), 2);
}

std::string service_hash(const Project& project, const Service& service) {
    Value document = resolved_service(project, service);
    for (const char* key : {"scale", "depends_on", "watch", "attach", "profiles", "ready"}) {
        document.as_object()->erase(key);
    }
    if (!service.secrets.empty()) {
        (*document.as_object())["secret_sources"] = secret_sources(project, service);
    }
    return base::sha256_hex(base::json::dump(document));
}

}  // namespace sandbox::project
