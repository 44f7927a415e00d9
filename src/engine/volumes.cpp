#include "sandbox/engine/volumes.hpp"

#include <algorithm>

#include "engine/container_record.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {

std::vector<std::string> users_of_volume(const store::Store& store, const std::string& name) {
    std::vector<std::string> users;
    for (const store::ContainerEntry& entry : store::ContainerStore(store).list()) {
        const auto names = entry.record["volumes"].strings();
        if (std::find(names.begin(), names.end(), name) != names.end()) users.push_back(entry.id);
    }
    return users;
}

void remove_volume(const store::Store& store, const std::string& name, bool force) {
    // No container is being made while we look.
    const base::FileLock lock = store.lock(base::LockMode::exclusive);
    const store::VolumeStore volumes(store);
    volumes.remove_leftovers();
    if (!volumes.try_get(name)) {
        if (force) return;
        throw base::NotFoundError("no such volume: " + base::quote(name),
                                  "`sandbox volume ls` shows those that exist");
    }
    const std::vector<std::string> users = users_of_volume(store, name);
    if (!users.empty()) {
        throw base::Error("volume " + base::quote(name) + " is in use by container " +
                              users.front().substr(0, 12),
                          "remove the container first: sandbox rm " + users.front().substr(0, 12),
                          base::exit_code::kUsage);
    }
    volumes.remove(name);
}

std::vector<std::string> prune_volumes(const store::Store& store, bool all,
                                       const WantsLabels& wants) {
    const base::FileLock lock = store.lock(base::LockMode::exclusive);
    std::vector<std::string> used;
    for (const store::ContainerEntry& entry : store::ContainerStore(store).list()) {
        for (std::string& name : entry.record["volumes"].strings()) {
            used.push_back(std::move(name));
        }
    }
    const store::VolumeStore volumes(store);
    std::vector<std::string> removed;
    for (const store::VolumeRecord& record : volumes.list()) {
        if (!all && !record.anonymous) continue;
        if (wants && !wants(record.labels)) continue;
        if (std::find(used.begin(), used.end(), record.name) != used.end()) continue;
        volumes.remove(record.name);
        removed.push_back(record.name);
    }
    return removed;
}

}  // namespace sandbox::engine
