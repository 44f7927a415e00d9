// The document of `inspect`, with docker's names and nesting.
#include "engine/container_record.hpp"
#include "engine/flags/log_flags.hpp"
#include "engine/flags/option_flags.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/engine/lifecycle.hpp"
#include "sandbox/engine/networks.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/net/published_port.hpp"
#include "sandbox/store/container_state.hpp"
#include "sandbox/store/container_store.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

constexpr const char* kDevice = "device";
constexpr const char* kNever = "0001-01-01T00:00:00Z";  // Go's zero time

json::Value set_of(const std::vector<std::string>& names) {
    if (names.empty()) return nullptr;
    json::Object object;
    for (const std::string& name : names) object[name] = json::Object{};
    return json::Value(std::move(object));
}

json::Value list_or_null(const std::vector<std::string>& texts) {
    if (texts.empty()) return nullptr;
    return json::Value(texts);
}

std::string hostname_of(const store::ContainerEntry& entry) {
    std::string name = entry.record.string_or("hostname");
    return name.empty() ? entry.id.substr(0, 12) : name;
}

// docker's Healthcheck: durations in nanoseconds.
json::Value make_health_check(const json::Value& record) {
    return record["healthcheck"].is_null() ? json::Value(nullptr) : record["healthcheck"];
}

json::Value make_config(const store::ContainerEntry& entry) {
    const json::Value& record = entry.record;
    return json::Object{{"Hostname", hostname_of(entry)},
                        {"User", record.string_or("user")},
                        {"Tty", record["tty"].is_true()},
                        {"OpenStdin", record["open_stdin"].is_true()},
                        {"Env", record["env"].strings()},
                        {"Cmd", list_or_null(record["cmd"].strings())},
                        {"Image", record.string_or("image")},
                        {"Volumes", set_of(record["image_volumes"].strings())},
                        {"WorkingDir", record.string_or("working_dir")},
                        {"Entrypoint", list_or_null(record["entrypoint"].strings())},
                        {"Labels", record["labels"]},
                        {"Annotations", record["annotations"]},
                        {"StopSignal", record.string_or("stop_signal")},
                        {"StopTimeout", record["stop_timeout"]},
                        {"ExposedPorts", set_of(record["exposed_ports"].strings())},
                        {"Domainname", ""},
                        {"AttachStdin", false},
                        {"AttachStdout", false},
                        {"AttachStderr", false},
                        {"StdinOnce", false},
                        {"Healthcheck", make_health_check(record)}};
}

// Go's RFC 3339 with nanoseconds.
std::string moment_text(std::int64_t moment_ns) {
    constexpr std::int64_t kSecond = 1'000'000'000;
    if (moment_ns <= 0) return kNever;
    std::string text = base::format_rfc3339(moment_ns / kSecond);
    std::string digits = std::to_string(kSecond + moment_ns % kSecond).substr(1);
    return text.insert(text.size() - 1, "." + digits);
}

// Records of earlier versions know the second only.
std::int64_t created_ns(const json::Value& record) {
    const std::int64_t seconds = record["created"].try_i64().value_or(0);
    return record["created_ns"].try_i64().value_or(seconds * 1'000'000'000);
}

json::Value make_health(const store::ContainerState& state) {
    json::Array log;
    for (const store::HealthProbe& probe : state.health_log) {
        log.emplace_back(json::Object{{"Start", moment_text(probe.start_ns)},
                                      {"End", moment_text(probe.end_ns)},
                                      {"ExitCode", probe.exit_code},
                                      {"Output", probe.output}});
    }
    return json::Object{{"Status", state.health},
                        {"FailingStreak", state.failing_streak},
                        {"Log", json::Value(std::move(log))}};
}

json::Value make_state(const store::ContainerState& state) {
    using Status = store::ContainerState::Status;
    json::Object object{{"Status", store::status_name(state.status)},
                        {"Running", store::is_active(state.status)},
                        {"Paused", state.status == Status::paused},
                        {"Restarting", state.status == Status::restarting},
                        {"OOMKilled", state.oom_killed},
                        {"Dead", false},
                        {"Pid", static_cast<std::int64_t>(state.pid)},
                        {"ExitCode", state.exit_code},
                        {"Error", state.error},
                        {"StartedAt", moment_text(state.started_ns)},
                        {"FinishedAt", moment_text(state.finished_ns)}};
    // docker has no Health where nothing is probed, and templates ask for that.
    if (!state.health.empty()) object.append("Health", make_health(state));
    return json::Value(std::move(object));
}

json::Value make_mounts(const json::Value& record) {
    json::Array result;
    const json::Array* mounts = record["mounts"].as_array();
    if (mounts == nullptr) return json::Value(std::move(result));
    for (const json::Value& mount : *mounts) {
        if (mount.string_or("type") == kDevice) continue;
        json::Object object{{"Type", mount.string_or("type")}};
        if (const std::string name = mount.string_or("name"); !name.empty()) {
            object["Name"] = name;
            object["Driver"] = "local";
        }
        object["Source"] = mount.string_or("source");
        object["Destination"] = mount.string_or("destination");
        object["Mode"] = mount["read_only"].is_true() ? "ro" : "";
        object["RW"] = !mount["read_only"].is_true();
        object["Propagation"] = "rprivate";
        result.emplace_back(std::move(object));
    }
    return json::Value(std::move(result));
}

json::Value make_devices(const json::Value& record) {
    json::Array result;
    if (const json::Array* mounts = record["mounts"].as_array()) {
        for (const json::Value& mount : *mounts) {
            if (mount.string_or("type") != kDevice) continue;
            result.emplace_back(
                json::Object{{"PathOnHost", mount.string_or("source")},
                             {"PathInContainer", mount.string_or("destination")},
                             {"CgroupPermissions", mount.string_or("permissions")}});
        }
    }
    return json::Value(std::move(result));
}

json::Value list_or_empty(const json::Value& record, std::string_view key) {
    return json::Value(record[key].strings());
}

// "nofile=1024:2048" → {Name, Soft, Hard}
json::Value make_ulimits(const json::Value& request) {
    json::Array result;
    for (const std::string& text : request["ulimits"].strings()) {
        const auto [resource, limit] = parse_ulimit(text);
        const auto number = [](rlim_t value) {
            return value == RLIM_INFINITY ? std::int64_t{-1} : static_cast<std::int64_t>(value);
        };
        result.emplace_back(json::Object{{"Name", rlimit_name(resource)},
                                         {"Hard", number(limit.rlim_max)},
                                         {"Soft", number(limit.rlim_cur)}});
    }
    return json::Value(std::move(result));
}

json::Value make_sysctls(const json::Value& request) {
    json::Object result;
    for (const std::string& text : request["sysctls"].strings()) {
        const size_t equals = text.find('=');
        if (equals != text.npos) result[text.substr(0, equals)] = text.substr(equals + 1);
    }
    return json::Value(std::move(result));
}

std::string dir_of(const store::Store& store, const store::ContainerEntry& entry) {
    return store.root() + "/containers/" + entry.id;
}

void add_binding(json::Object& bindings, const std::string& port, const std::string& address,
                 const std::string& host_port) {
    json::Value& list = bindings[port];
    if (list.as_array() == nullptr) list = json::Array{};
    list.as_array()->emplace_back(json::Object{{"HostIp", address}, {"HostPort", host_port}});
}

// What was asked for; docker leaves the port of the host empty when any will do.
json::Value make_port_bindings(const json::Value& request) {
    json::Object bindings;
    for (const std::string& text : request["publish"].strings()) {
        for (const net::PublishedPort& wish : net::parse_published_port(text)) {
            const std::string first = std::to_string(wish.host_first);
            const std::string host_port = wish.host_first == 0 ? ""
                                          : wish.host_first == wish.host_last
                                              ? first
                                              : first + "-" + std::to_string(wish.host_last);
            add_binding(bindings,
                        std::to_string(wish.container_port) + "/" +
                            std::string(net::transport_name(wish.transport)),
                        wish.host_address.str(), host_port);
        }
    }
    return json::Value(std::move(bindings));
}

json::Value make_host_config(const store::Store& store, const store::ContainerEntry& entry) {
    const json::Value& record = entry.record;
    const json::Value& request = record["request"];
    json::Object tmpfs;
    if (const json::Array* mounts = record["mounts"].as_array()) {
        for (const json::Value& mount : *mounts) {
            if (mount.string_or("type") == "tmpfs") tmpfs[mount.string_or("destination")] = "";
        }
    }
    json::Object object{
        {"Binds", list_or_null(record["binds"].strings())},
        {"LogConfig", log_config_document(record, dir_of(store, entry))},
        {"NetworkMode", shown_network(record.string_or("network"))},
        {"PortBindings", make_port_bindings(request)},
        {"RestartPolicy",
         json::Object{{"Name", policy_name(record_restart_policy(record).kind)},
                      {"MaximumRetryCount", record_restart_policy(record).max_retries}}},
        {"AutoRemove", !record_keeps(record)},
        {"CapAdd", list_or_null(record["cap_add"].strings())},
        {"CapDrop", list_or_null(record["cap_drop"].strings())},
        {"Privileged", record["privileged"].is_true()},
        {"ReadonlyRootfs", record["read_only"].is_true()},
        {"SecurityOpt", list_or_null(record["security_opt"].strings())},
        {"Tmpfs", json::Value(std::move(tmpfs))},
        {"ShmSize", record["shm_size"]},
        {"PidsLimit", record["pids_limit"]},
        {"Devices", make_devices(record)},
        {"ContainerIDFile", ""},
        {"VolumesFrom", nullptr},
        {"Dns", list_or_empty(request, "dns")},
        {"DnsOptions", list_or_empty(request, "dns_option")},
        {"DnsSearch", list_or_empty(request, "dns_search")},
        {"ExtraHosts", list_or_null(request["add_host"].strings())},
        {"GroupAdd", list_or_null(request["group_add"].strings())},
        {"IpcMode", "private"},
        {"PidMode", ""},
        {"UTSMode", ""},
        {"UsernsMode", request.string_or("userns")},
        {"Identity", record.string_or("identity")},
        {"CgroupnsMode", "private"},
        {"PublishAllPorts", request["publish_all"].is_true()},
        {"OomKillDisable", false},
        {"Ulimits", make_ulimits(request)},
        {"Sysctls", make_sysctls(request)},
        {"Runtime", "sandbox"},
        {"Init", record["init"].is_true()}};
    constexpr const char* kNumbers[] = {"Memory",    "MemoryReservation", "MemorySwap",
                                        "NanoCpus",  "CpuPeriod",         "CpuQuota",
                                        "CpuShares", "BlkioWeight",       "OomScoreAdj"};
    const json::Value& resources = record["resources"];
    for (const char* name : kNumbers) {
        object[name] = resources[name].is_null() ? json::Value(0) : resources[name];
    }
    object["CpusetCpus"] = resources.string_or("CpusetCpus");
    object["CpusetMems"] = resources.string_or("CpusetMems");
    return json::Value(std::move(object));
}

json::Value place_document(const store::NetworkPlace& place) {
    return json::Object{{"IPAMConfig", nullptr},
                        {"Links", nullptr},
                        {"Aliases", list_or_null(place.aliases)},
                        {"MacAddress", place.mac},
                        {"NetworkID", shown_network_id(place)},
                        {"EndpointID", ""},
                        {"Gateway", place.gateway},
                        {"IPAddress", place.ipv4},
                        {"IPPrefixLen", std::int64_t{place.prefix}},
                        {"IPv6Gateway", place.gateway_v6},
                        {"GlobalIPv6Address", place.ipv6},
                        {"GlobalIPv6PrefixLen", std::int64_t{place.prefix_v6}},
                        {"DriverOpts", nullptr},
                        {"DNSNames", list_or_null(place.aliases)}};
}

json::Value make_network(const store::ContainerEntry& entry, const store::ContainerState& state) {
    json::Object ports;
    if (state.pid != 0) {
        for (const std::string& port : entry.record["exposed_ports"].strings()) {
            ports[port] = nullptr;  // docker: exposed, not published
        }
    }
    for (const store::PortMapping& port : state.network.ports) {
        add_binding(ports, port.port, port.host_address, std::to_string(port.host_port));
    }
    json::Object networks;
    for (const store::NetworkPlace& place : state.network.networks) {
        networks[shown_network(place.name)] = place_document(place);
    }
    const std::string mode = entry.record.string_or("network", "private");
    if (state.network.networks.empty() && !mode.starts_with("container:")) {
        std::vector<std::string> names = entry.record["networks"].strings();
        if (names.empty()) names.push_back(mode);
        for (const std::string& name : names) networks[shown_network(name)] = place_document({});
    }
    const store::NetworkPlace first =
        state.network.networks.empty() ? store::NetworkPlace{} : state.network.networks.front();
    return json::Object{{"Bridge", ""},
                        {"SandboxID", ""},
                        {"SandboxKey", ""},
                        {"Ports", json::Value(std::move(ports))},
                        {"EndpointID", ""},
                        {"Gateway", first.gateway},
                        {"GlobalIPv6Address", first.ipv6},
                        {"GlobalIPv6PrefixLen", std::int64_t{first.prefix_v6}},
                        {"IPAddress", first.ipv4},
                        {"IPPrefixLen", std::int64_t{first.prefix}},
                        {"IPv6Gateway", first.gateway_v6},
                        {"MacAddress", first.mac},
                        {"Networks", json::Value(std::move(networks))}};
}

}  // namespace

json::Value inspect_container(const store::Store& store, const std::string& name, bool size) {
    const store::ContainerEntry entry = store::ContainerStore(store).find(name);
    const json::Value& record = entry.record;
    const store::ContainerState state = observe_container(store, entry.id);
    std::vector<std::string> words = record["entrypoint"].strings();
    for (std::string& word : record["cmd"].strings()) words.push_back(std::move(word));
    const std::string path = words.empty() ? "" : words.front();
    if (!words.empty()) words.erase(words.begin());
    json::Object document{{"Id", entry.id},
                          {"ID", entry.id},
                          {"Created", moment_text(created_ns(record))},
                          {"Path", path},
                          {"Args", words},
                          {"State", make_state(state)},
                          {"Image", record.string_or("image_id")},
                          {"ImageName", record.string_or("image")},
                          {"Name", "/" + entry.name},
                          {"RestartCount", state.restart_count},
                          {"Platform", "linux"},
                          {"Mounts", make_mounts(record)},
                          {"Config", make_config(entry)},
                          {"HostConfig", make_host_config(store, entry)},
                          {"NetworkSettings", make_network(entry, state)},
                          {"Driver", "overlay"},
                          {"GraphDriver", json::Object{{"Name", "overlay"}, {"Data", nullptr}}},
                          {"LogPath", log_config_document(record, dir_of(store, entry))["Path"]},
                          {"ExecIDs", nullptr}};
    if (size) {
        const std::uint64_t own = image::measure_containers(store, {entry.id})[entry.id];
        const auto image = store::ImageStore(store).try_find(record.string_or("image_id"));
        document["SizeRw"] = own;
        document["SizeRootFs"] = own + (image ? image->size_bytes : 0);
    }
    return json::Value(std::move(document));
}

}  // namespace sandbox::engine
