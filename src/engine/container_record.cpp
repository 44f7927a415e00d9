#include "engine/container_record.hpp"

#include "engine/signal_names.hpp"
#include "sandbox/base/strings.hpp"

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
    }
    return "bind";
}

json::Array mounts_of(const std::vector<MountSpec>& mounts) {
    json::Array array;
    for (const MountSpec& mount : mounts) {
        array.emplace_back(json::Object{{"type", kind_name(mount.kind)},
                                        {"name", mount.volume_name},
                                        {"source", mount.source},
                                        {"destination", mount.target},
                                        {"read_only", mount.read_only},
                                        {"exec", mount.exec},
                                        {"nosuid", mount.nosuid},
                                        {"recursive", mount.recursive}});
    }
    return array;
}

// The directory names of "range-<hex>/fs".
std::vector<std::string> layer_names(const image::RootfsPlan& rootfs) {
    std::vector<std::string> names;
    for (const std::string& dir : rootfs.lower_dirs) names.push_back(dir.substr(0, dir.find('/')));
    return names;
}

bool bool_of(const json::Value& value, bool fallback) {
    const bool* flag = value.as_bool();
    return flag == nullptr ? fallback : *flag;
}

void add_flags(json::Object& record, const RunRequest& request, const ParsedRequest& parsed,
               const ContainerSpec& spec) {
    record["network"] = parsed.network.name;
    record["read_only"] = spec.read_only_root;
    record["privileged"] = spec.privileged;
    record["cap_add"] = request.cap_add;
    record["cap_drop"] = request.cap_drop;
    record["security_opt"] = request.security_opt;
    record["shm_size"] = spec.shm_size_bytes;
    record["pids_limit"] = spec.pids_limit;
    record["binds"] = request.volumes;
    record["init"] = spec.init;
}

}  // namespace

json::Value make_record(const RunRequest& request, const ParsedRequest& parsed,
                        const SpecDraft& draft, const oci::ImageConfig& config,
                        const store::ImageRecord& image, const std::vector<std::string>& volumes) {
    const ContainerSpec& spec = draft.spec;
    json::Object record;
    record["image"] = request.image;
    record["image_id"] = image.id.str();
    record["layers"] = layer_names(spec.rootfs);
    record["volumes"] = volumes;
    record["created"] = base::now().seconds;
    record["keep"] = draft.keep;
    record["command"] = base::join(spec.argv, " ");
    record["entrypoint"] = draft.entrypoint;
    record["cmd"] = draft.cmd;
    record["env"] = draft.declared_env;
    record["user"] = request.user.value_or(config.user);
    record["working_dir"] = spec.working_dir;
    record["hostname"] = parsed.hostname;
    record["labels"] = draft.labels;
    record["annotations"] = parsed.annotations;
    record["image_volumes"] = config.volumes;
    record["stop_signal"] = signal_name(spec.stop_signal);
    record["stop_timeout"] = spec.stop_timeout_seconds;
    record["tty"] = spec.tty;
    record["open_stdin"] = spec.interactive;
    add_flags(record, request, parsed, spec);
    record["mounts"] = mounts_of(spec.mounts);
    return json::Value(std::move(record));
}

std::vector<MountWish> record_mounts(const json::Value& record) {
    std::vector<MountWish> wishes;
    const json::Array* mounts = record["mounts"].as_array();
    if (mounts == nullptr) return wishes;
    for (const json::Value& mount : *mounts) {
        const std::string type = mount.string_or("type");
        if (type != "bind" && type != "volume") continue;
        MountWish wish;
        MountSpec& spec = wish.spec;
        spec.kind = type == "bind" ? MountSpec::Kind::bind : MountSpec::Kind::volume;
        spec.volume_name = mount.string_or("name");
        spec.source = mount.string_or("source");
        spec.target = mount.string_or("destination");
        spec.read_only = bool_of(mount["read_only"], false);
        spec.exec = bool_of(mount["exec"], true);
        spec.nosuid = bool_of(mount["nosuid"], true);
        spec.recursive = bool_of(mount["recursive"], true);
        wish.typed = spec.target;
        wishes.push_back(std::move(wish));
    }
    return wishes;
}

bool record_keeps(const json::Value& record) {
    return bool_of(record["keep"], true);
}

std::vector<std::string> record_strings(const json::Value& record, std::string_view key) {
    std::vector<std::string> texts;
    if (const json::Array* array = record[key].as_array()) {
        for (const json::Value& value : *array) {
            if (const std::string* text = value.as_string()) texts.push_back(*text);
        }
    }
    return texts;
}

}  // namespace sandbox::engine
