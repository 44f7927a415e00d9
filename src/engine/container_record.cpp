#include "engine/container_record.hpp"

#include "engine/saved_request.hpp"
#include "engine/signal_names.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/container_summary.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

std::string_view kind_name(MountSpec::Kind kind) {
    switch (kind) {
        case MountSpec::Kind::bind:
            return "bind";
        case MountSpec::Kind::volume:
            return "volume";
        case MountSpec::Kind::tmpfs:
            return "tmpfs";
        case MountSpec::Kind::device:
            return "device";
    }
    return "bind";
}

std::optional<MountSpec::Kind> try_kind(const std::string& name) {
    using Kind = MountSpec::Kind;
    for (const auto kind : {Kind::bind, Kind::volume, Kind::tmpfs, Kind::device}) {
        if (kind_name(kind) == name) return kind;
    }
    return std::nullopt;
}

json::Array mounts_of(const std::vector<MountSpec>& mounts) {
    json::Array array;
    for (const MountSpec& mount : mounts) {
        json::Object object{{"type", kind_name(mount.kind)}, {"name", mount.volume_name},
                            {"source", mount.source},        {"destination", mount.target},
                            {"read_only", mount.read_only},  {"exec", mount.exec},
                            {"nosuid", mount.nosuid},        {"recursive", mount.recursive}};
        if (mount.mark_owners) object.append("mark_owners", true);
        if (mount.kind == MountSpec::Kind::volume) object.append("seed", mount.seed);
        if (mount.create_source) object.append("create_source", true);
        if (mount.anonymous) object.append("anonymous", true);
        if (mount.kind == MountSpec::Kind::tmpfs) {
            object.append("size", mount.tmpfs_size_bytes);
            object.append("mode", mount.tmpfs_mode);
            object.append("options", mount.tmpfs_options);
        }
        if (mount.kind == MountSpec::Kind::device) {
            object.append("permissions", mount.device_permissions);
            object.append("if_there", mount.if_there);
        }
        array.emplace_back(std::move(object));
    }
    return array;
}

// The directory names of "range-<hex>/fs".
std::vector<std::string> layer_names(const image::RootfsPlan& rootfs) {
    std::vector<std::string> names;
    for (const std::string& dir : rootfs.lower_dirs) names.push_back(dir.substr(0, dir.find('/')));
    return names;
}

// docker's Healthcheck: times in nanoseconds.
json::Value health_of(const HealthSpec& health) {
    return json::Object{{"Test", health.test},
                        {"Interval", health.interval.count()},
                        {"Timeout", health.timeout.count()},
                        {"StartPeriod", health.start_period.count()},
                        {"StartInterval", health.start_interval.count()},
                        {"Retries", health.retries}};
}

bool bool_of(const json::Value& value, bool fallback) {
    const bool* flag = value.as_bool();
    return flag == nullptr ? fallback : *flag;
}

void add_flags(json::Object& record, const RunRequest& request, const ParsedRequest& parsed,
               const ContainerSpec& spec) {
    record["read_only"] = spec.read_only_root;
    record["privileged"] = spec.privileged;
    record["cap_add"] = request.cap_add;
    record["cap_drop"] = request.cap_drop;
    record["security_opt"] = request.security_opt;
    record["shm_size"] = spec.shm_size_bytes;
    record["pids_limit"] = spec.pids_limit;
    record["resources"] = parsed.resources.document;
    record["binds"] = request.volumes;
    record["init"] = spec.init;
    record["identity"] = name_of(spec.identity);
    save_log_words(record, parsed.log);
}

std::vector<std::string> exposed_ports(const ParsedRequest& parsed,
                                       const oci::ImageConfig& config) {
    std::set<std::string> ports = parsed.exposed;
    for (const std::string& port : config.exposed_ports) {
        ports.insert(port.find('/') == port.npos ? port + "/tcp" : port);
    }
    return {ports.begin(), ports.end()};
}

// As docker shows it: not for a shell to read, but one sees where words end.
std::string command_text(const std::vector<std::string>& argv) {
    std::string text;
    for (const std::string& word : argv) {
        if (&word != &argv.front()) text += ' ';
        const bool is_quoted = &word != &argv.front() && word.find(' ') != word.npos;
        text += is_quoted ? "'" + word + "'" : word;
    }
    return text;
}

}  // namespace

json::Value make_record(const RunRequest& request, const ParsedRequest& parsed,
                        const SpecDraft& draft, const oci::ImageConfig& config,
                        const store::ImageRecord& image, const std::vector<std::string>& volumes) {
    const ContainerSpec& spec = draft.spec;
    json::Object record;
    // What a listing shows; id and name are filled in by the store.
    record["id"] = "";
    record["name"] = "";
    record["image"] = request.image;
    record["image_id"] = image.id.str();
    record["platform"] = image.platform.str();
    const base::Timestamp made = base::now();
    record["created"] = made.seconds;
    record["created_ns"] = made.seconds * 1'000'000'000 + made.nanoseconds;
    record["command"] = command_text(spec.argv);
    record["restart"] = request.restart.value_or("no");
    record["network"] = parsed.network.name;
    if (!parsed.networks.empty()) {
        std::vector<std::string> names;
        for (const NetworkUse& use : parsed.networks) names.push_back(use.name);
        record["networks"] = names;
    }
    record["labels"] = draft.labels;
    record["exposed_ports"] = exposed_ports(parsed, config);
    record["mounts"] = mounts_of(spec.mounts);
    record[store::kRecordRest] = true;
    record["layers"] = layer_names(spec.rootfs);
    record["volumes"] = volumes;
    record["keep"] = draft.keep;
    record["entrypoint"] = draft.entrypoint;
    record["cmd"] = draft.cmd;
    record["env"] = draft.declared_env;
    record["user"] = request.user.value_or(config.user);
    record["working_dir"] = spec.working_dir;
    record["hostname"] = parsed.hostname;
    record["annotations"] = parsed.annotations;
    record["image_volumes"] = config.volumes;
    record["stop_signal"] = signal_name(spec.stop_signal);
    record["stop_timeout"] = spec.stop_timeout_seconds;
    if (spec.health) record["healthcheck"] = health_of(*spec.health);
    record["tty"] = spec.tty;
    record["open_stdin"] = spec.interactive;
    add_flags(record, request, parsed, spec);
    if (draft.keep || request.detached) {
        record["request"] =
            request_to_json(settle_request(request, parsed, spec.tty, spec.interactive));
    }
    return json::Value(std::move(record));
}

void set_mounts(json::Value& record, const std::vector<MountSpec>& mounts) {
    (*record.as_object())["mounts"] = mounts_of(mounts);
}

std::vector<MountWish> saved_mounts(const json::Value& record) {
    std::vector<MountWish> wishes;
    const json::Array* mounts = record["mounts"].as_array();
    if (mounts == nullptr) return wishes;
    for (const json::Value& mount : *mounts) {
        const auto kind = try_kind(mount.string_or("type"));
        if (!kind) continue;
        MountWish wish;
        MountSpec& spec = wish.spec;
        spec.kind = *kind;
        spec.volume_name = mount.string_or("name");
        spec.anonymous = bool_of(mount["anonymous"], false);
        spec.source = mount.string_or("source");
        spec.target = mount.string_or("destination");
        spec.read_only = bool_of(mount["read_only"], false);
        spec.exec = bool_of(mount["exec"], true);
        spec.nosuid = bool_of(mount["nosuid"], true);
        spec.recursive = bool_of(mount["recursive"], true);
        spec.mark_owners = bool_of(mount["mark_owners"], false);
        spec.create_source = bool_of(mount["create_source"], false);
        spec.seed = bool_of(mount["seed"], false);
        spec.tmpfs_size_bytes = mount["size"].try_u64().value_or(0);
        spec.tmpfs_mode = static_cast<mode_t>(mount["mode"].try_u64().value_or(01777));
        spec.tmpfs_options = mount.string_or("options");
        spec.device_permissions = mount.string_or("permissions");
        spec.if_there = bool_of(mount["if_there"], false);
        wish.typed = spec.target;
        wishes.push_back(std::move(wish));
    }
    return wishes;
}

std::vector<MountWish> record_mounts(const json::Value& record) {
    std::vector<MountWish> wishes = saved_mounts(record);
    std::erase_if(wishes, [](const MountWish& wish) {
        return wish.spec.kind == MountSpec::Kind::tmpfs ||
               wish.spec.kind == MountSpec::Kind::device;
    });
    for (MountWish& wish : wishes) wish.spec.seed = false;
    return wishes;
}

RestartPolicy record_restart_policy(const json::Value& record) {
    try {
        return parse_restart_policy(record["request"].string_or("restart"));
    } catch (const base::UsageError&) {  // of a newer version
        return {};
    }
}

bool record_keeps(const json::Value& record) {
    return bool_of(record["keep"], true);
}

bool record_has_one_id(const json::Value& record) {
    const std::string identity = record.string_or("identity");
    return !identity.empty() && identity != name_of(IdentityMode::range);
}

}  // namespace sandbox::engine
