#include "anonymous_volumes.hpp"

#include <algorithm>

#include "sandbox/base/json.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/container_store.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::project {
namespace {

bool contains(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// Of a --mount's line; the field stands in quotes when the path has a comma.
bool has_target(const std::string& line, const std::string& target) {
    const std::string field = "target=" + target;
    return contains(base::split(line, ','), field) ||
           line.find("\"" + field + "\"") != std::string::npos;
}

// "SOURCE:TARGET[:OPTIONS]"; a tmpfs is "TARGET[:OPTIONS]".
std::string target_of(const std::string& volume) {
    const std::vector<std::string> parts = base::split(volume, ':');
    return parts.size() == 1 ? parts[0] : parts[1];
}

// Unless the service has something else there, or nothing.
void give(const AnonymousVolume& volume, const std::vector<std::string>& image_volumes,
          engine::RunRequest& request) {
    for (std::string& each : request.volumes) {
        if (target_of(each) != volume.target) continue;
        if (each != volume.target) return;
        each = volume.name + ":" + volume.target;
        return request.carried_volumes.push_back(volume.name);
    }
    for (std::string& line : request.mounts) {
        if (!has_target(line, volume.target)) continue;
        if (line.starts_with("type=volume,") && line.find("source=") == std::string::npos) {
            line += ",source=" + volume.name;
            request.carried_volumes.push_back(volume.name);
        }
        return;
    }
    for (const std::string& each : request.tmpfs) {
        if (each.substr(0, each.find(':')) == volume.target) return;
    }
    if (!contains(image_volumes, volume.target)) return;
    request.volumes.push_back(volume.name + ":" + volume.target);
    request.carried_volumes.push_back(volume.name);
}

}  // namespace

std::vector<AnonymousVolume> anonymous_volumes_of(const store::Store& store,
                                                  const std::string& container) {
    std::vector<AnonymousVolume> result;
    const base::json::Value record = store::ContainerStore(store).find(container).record;
    const base::json::Array* const mounts = record["mounts"].as_array();
    if (mounts == nullptr) return result;
    for (const base::json::Value& mount : *mounts) {
        if (!mount["anonymous"].is_true()) continue;
        const auto volume = store::VolumeStore(store).try_get(mount.string_or("name"));
        if (!volume || !volume->anonymous) continue;
        result.push_back({volume->name, mount.string_or("destination")});
    }
    return result;
}

void carry_over(const std::vector<AnonymousVolume>& volumes,
                const std::vector<std::string>& image_volumes, engine::RunRequest& request) {
    for (const AnonymousVolume& volume : volumes) give(volume, image_volumes, request);
}

}  // namespace sandbox::project
