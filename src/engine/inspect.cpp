// The document of `inspect`, with docker's names and nesting.
#include "engine/container_process.hpp"
#include "engine/container_record.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/containers.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

constexpr const char* kNever = "0001-01-01T00:00:00Z";  // Go's zero time

std::string time_text(const json::Value& seconds) {
    const auto value = seconds.try_i64();
    return value ? base::format_rfc3339(*value) : kNever;
}

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

bool bool_at(const json::Value& record, std::string_view key) {
    const bool* flag = record[key].as_bool();
    return flag != nullptr && *flag;
}

std::string hostname_of(const store::ContainerEntry& entry) {
    std::string name = entry.record.string_or("hostname");
    return name.empty() ? entry.id.substr(0, 12) : name;
}

json::Value make_config(const store::ContainerEntry& entry) {
    const json::Value& record = entry.record;
    return json::Object{{"Hostname", hostname_of(entry)},
                        {"User", record.string_or("user")},
                        {"Tty", bool_at(record, "tty")},
                        {"OpenStdin", bool_at(record, "open_stdin")},
                        {"Env", record_strings(record, "env")},
                        {"Cmd", list_or_null(record_strings(record, "cmd"))},
                        {"Image", record.string_or("image")},
                        {"Volumes", set_of(record_strings(record, "image_volumes"))},
                        {"WorkingDir", record.string_or("working_dir")},
                        {"Entrypoint", list_or_null(record_strings(record, "entrypoint"))},
                        {"Labels", record["labels"]},
                        {"Annotations", record["annotations"]},
                        {"StopSignal", record.string_or("stop_signal")},
                        {"StopTimeout", record["stop_timeout"]},
                        {"Healthcheck", nullptr}};
}

json::Value make_state(const store::Store& store, const store::ContainerEntry& entry) {
    const json::Value& record = entry.record;
    const bool ended = record["exit_code"].is_number();
    std::int64_t pid = 0;
    if (entry.live) {
        if (const auto process = try_find_process(store, entry.id)) pid = process->init;
    }
    return json::Object{{"Status", entry.live ? "running"
                                   : ended    ? "exited"
                                              : "dead"},
                        {"Running", entry.live},
                        {"Paused", false},
                        {"Restarting", false},
                        {"OOMKilled", false},
                        {"Dead", !entry.live && !ended},
                        {"Pid", pid},
                        {"ExitCode", record["exit_code"].try_i64().value_or(0)},
                        {"Error", record.string_or("error")},
                        {"StartedAt", time_text(record["created"])},
                        {"FinishedAt", time_text(record["finished"])}};
}

json::Value make_mounts(const json::Value& record) {
    json::Array result;
    const json::Array* mounts = record["mounts"].as_array();
    if (mounts == nullptr) return json::Value(std::move(result));
    for (const json::Value& mount : *mounts) {
        json::Object object{{"Type", mount.string_or("type")}};
        if (const std::string name = mount.string_or("name"); !name.empty()) {
            object["Name"] = name;
            object["Driver"] = "local";
        }
        object["Source"] = mount.string_or("source");
        object["Destination"] = mount.string_or("destination");
        object["Mode"] = bool_at(mount, "read_only") ? "ro" : "";
        object["RW"] = !bool_at(mount, "read_only");
        object["Propagation"] = "rprivate";
        result.emplace_back(std::move(object));
    }
    return json::Value(std::move(result));
}

json::Value make_host_config(const json::Value& record) {
    json::Object tmpfs;
    if (const json::Array* mounts = record["mounts"].as_array()) {
        for (const json::Value& mount : *mounts) {
            if (mount.string_or("type") == "tmpfs") tmpfs[mount.string_or("destination")] = "";
        }
    }
    return json::Object{
        {"Binds", list_or_null(record_strings(record, "binds"))},
        {"LogConfig", json::Object{{"Type", "none"}, {"Path", ""}, {"Config", json::Object{}}}},
        {"NetworkMode", record.string_or("network")},
        {"PortBindings", json::Object{}},
        {"RestartPolicy", json::Object{{"Name", "no"}, {"MaximumRetryCount", 0}}},
        {"AutoRemove", !record_keeps(record)},
        {"CapAdd", list_or_null(record_strings(record, "cap_add"))},
        {"CapDrop", list_or_null(record_strings(record, "cap_drop"))},
        {"Privileged", bool_at(record, "privileged")},
        {"ReadonlyRootfs", bool_at(record, "read_only")},
        {"SecurityOpt", list_or_null(record_strings(record, "security_opt"))},
        {"Tmpfs", json::Value(std::move(tmpfs))},
        {"ShmSize", record["shm_size"]},
        {"PidsLimit", record["pids_limit"]},
        {"Memory", 0},
        {"Init", bool_at(record, "init")}};
}

json::Value make_network(const store::ContainerEntry& entry) {
    const std::string mode = entry.record.string_or("network", "private");
    json::Object networks;
    networks[mode] = json::Object{{"IPAddress", ""},
                                  {"MacAddress", ""},
                                  {"Gateway", ""},
                                  {"GlobalIPv6Address", ""},
                                  {"Aliases", nullptr}};
    return json::Object{{"IPAddress", ""},
                        {"Ports", json::Object{}},
                        {"SandboxKey", ""},
                        {"Networks", json::Value(std::move(networks))}};
}

}  // namespace

json::Value inspect_container(const store::Store& store, const std::string& name) {
    const store::ContainerEntry entry = store::ContainerStore(store).find(name);
    const json::Value& record = entry.record;
    std::vector<std::string> words = record_strings(record, "entrypoint");
    for (std::string& word : record_strings(record, "cmd")) words.push_back(std::move(word));
    const std::string path = words.empty() ? "" : words.front();
    if (!words.empty()) words.erase(words.begin());
    return json::Object{{"Id", entry.id},
                        {"ID", entry.id},
                        {"Created", time_text(record["created"])},
                        {"Path", path},
                        {"Args", words},
                        {"State", make_state(store, entry)},
                        {"Image", record.string_or("image_id")},
                        {"ImageName", record.string_or("image")},
                        {"Name", "/" + entry.name},
                        {"RestartCount", 0},
                        {"Platform", "linux"},
                        {"Mounts", make_mounts(record)},
                        {"Config", make_config(entry)},
                        {"HostConfig", make_host_config(record)},
                        {"NetworkSettings", make_network(entry)}};
}

}  // namespace sandbox::engine
