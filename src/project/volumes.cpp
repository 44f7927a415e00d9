#include "volumes.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/engine/volumes.hpp"
#include "sandbox/project/deployment.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::project {
namespace {

using base::quote;

constexpr const char* kVolumeLabel = "com.docker.compose.volume";
constexpr const char* kCure = "type none, o bind and device PATH make it a directory of the host";

std::string option_of(const Volume& volume, const char* key) {
    const auto found = volume.options.find(key);
    return found == volume.options.end() ? "" : found->second;
}

void check_type(const Reader& reader, const Node& node, const std::string& type) {
    if (type.empty() || type == "none" || type == "bind") return;
    if (type == "tmpfs") {
        reader.fail(node.at, "driver_opts: a volume cannot be in memory",
                    "say it of the service: tmpfs and the path inside");
    }
    reader.fail(node.at,
                "driver_opts: a volume of type " + quote(type) + " needs a mount that root does",
                "have it mounted on the host; then " + std::string(kCure));
}

bool has_label(const store::VolumeRecord& record, const char* key, const std::string& value) {
    const auto found = record.labels.find(key);
    return found != record.labels.end() && found->second == value;
}

void check_device(const Volume& volume) {
    struct stat status {};
    const int error = ::stat(volume.device.c_str(), &status) != 0 ? errno
                      : S_ISDIR(status.st_mode)                   ? 0
                                                                  : ENOTDIR;
    if (error == 0) return;
    throw base::UsageError(
        volume.where + ": volume " + quote(volume.name) + ": its device " + quote(volume.device) +
            ": " + base::errno_text(error),
        error == ENOENT ? "make it: mkdir -p " + volume.device : "name a directory of the host");
}

void remove_one(const store::Store& store, const std::string& name, const Listener& listener,
                std::vector<Failure>& failures) {
    try {
        engine::remove_volume(store, name, true);
        listener({Notice::What::removed, {}, name, {}});
    } catch (const base::Error& error) {
        failures.push_back({{}, name, error.with_hint(), {}, {}});
    }
}

void take_driver_opts(Reader& reader, const Node& node, Volume& volume) {
    Place device_at = node.at;
    for (const Reader::Pair& pair : reader.pairs(node)) {
        if (pair.name == "device") device_at = pair.at;
        if (pair.name != "type" && pair.name != "o" && pair.name != "device") {
            reader.fail(pair.at, "driver_opts: unknown option " + quote(pair.name), kCure);
        }
        volume.options[pair.name] = pair.value.value_or("");
    }
    if (volume.options.empty()) return;
    check_type(reader, node, option_of(volume, "type"));
    bool is_bind = false;
    for (const std::string& word : base::split(option_of(volume, "o"), ',')) {
        if (word == "bind" || word == "rbind") {
            is_bind = true;
        } else if (word == "ro") {
            volume.read_only = true;
        } else if (!word.empty() && word != "rw") {
            reader.fail(node.at, "driver_opts: unknown word " + quote(word) + " in o",
                        "it may be bind, rbind, ro and rw");
        }
    }
    const std::string device = option_of(volume, "device");
    if (!is_bind) reader.fail(node.at, "driver_opts: o says nothing of bind", kCure);
    if (device.empty()) reader.fail(node.at, "driver_opts: there is no device", kCure);
    if (device.find(':') != std::string::npos) {
        reader.fail(node.at, "driver_opts: a colon in the device " + quote(device),
                    "name a directory without one");
    }
    volume.device = reader.resolve(device, device_at);
    volume.options["device"] = volume.device;  // what `config` shows may be read elsewhere
}

}  // namespace

void read_driver_opts(Reader& reader, const Node& node, Volume& volume) {
    try {
        take_driver_opts(reader, node, volume);
    } catch (const base::UsageError& error) {
        volume.refused = error;
    }
}

void provide_volumes(const store::Store& store, const Project& project, const Service& service) {
    const store::VolumeStore volumes(store);
    for (const std::string& use : service.volume_uses) {
        const Volume& volume = *project.find_volume(use);
        if (!volume.device.empty()) check_device(volume);
        if (volume.external && !volumes.try_get(project.scoped_name(volume))) {
            const std::string name = project.scoped_name(volume);
            throw base::UsageError(
                volume.where + ": there is no volume " + quote(name) + ", which is external",
                "make it: sandbox volume create " + name);
        }
        if (volume.external || !volume.device.empty()) continue;
        store::VolumeRecord wish;
        wish.name = project.scoped_name(volume);
        wish.labels = volume.labels;
        wish.labels[label::kProject] = project.name;
        wish.labels[kVolumeLabel] = volume.name;
        store::VolumeRecord record = volumes.create(wish);
        // Other labels in the profile since; or it was made before volumes had any. One with a name
        // of its own may be somebody else's.
        const bool ours =
            volume.given_name.empty() || has_label(record, label::kProject, project.name);
        if (!ours || record.labels == wish.labels) continue;
        record.labels = wish.labels;
        volumes.save(record);
    }
}

void remove_volumes(const store::Store& store, const std::string& project_name,
                    const Project* project, const std::vector<std::string>& services,
                    const Listener& listener, std::vector<Failure>& failures) {
    const store::VolumeStore volumes(store);
    if (project == nullptr) {
        if (!services.empty()) return;
        for (const store::VolumeRecord& record : volumes.list()) {
            if (!has_label(record, label::kProject, project_name)) continue;
            remove_one(store, record.name, listener, failures);
        }
        return;
    }
    const auto is_used = [&](const std::string& volume) {
        return std::any_of(services.begin(), services.end(), [&](const std::string& name) {
            const Service* const service = project->find_service(name);
            if (service == nullptr) return false;
            const auto& uses = service->volume_uses;
            return std::find(uses.begin(), uses.end(), volume) != uses.end();
        });
    };
    // With a service that stays.
    const auto is_shared = [&](const std::string& volume) {
        return std::any_of(project->services.begin(), project->services.end(),
                           [&](const Service& service) {
                               const auto& uses = service.volume_uses;
                               return std::find(services.begin(), services.end(), service.name) ==
                                          services.end() &&
                                      std::find(uses.begin(), uses.end(), volume) != uses.end();
                           });
    };
    for (const Volume& volume : project->volumes) {
        if (volume.external || !volume.device.empty()) continue;
        if (!services.empty() && (!is_used(volume.name) || is_shared(volume.name))) continue;
        const std::string name = project->scoped_name(volume);
        const auto record = volumes.try_get(name);
        const bool labelled = record && record->labels.count(label::kProject) != 0;
        if (labelled && !has_label(*record, label::kProject, project_name)) continue;
        remove_one(store, name, listener, failures);
    }
}

}  // namespace sandbox::project
