// Containers that are kept: listing and removal. What detached containers need beyond that is not
// here yet.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// The document of `inspect` with docker's field names (.Id .Name .Config .State .HostConfig
// .Mounts .NetworkSettings …). `state` is derived from the lock, never from what was written.
[[nodiscard]] base::json::Value inspect_container(const store::Store& store,
                                                  const std::string& name);
struct ContainerRow {
    std::string id, name, image, image_id, command, status, state;
    std::int64_t created = 0;
    int exit_code = 0;
    base::json::Value labels;
    std::vector<std::string> mounts;
    std::string networks;
};
[[nodiscard]] std::vector<ContainerRow> list_containers(const store::Store& store);
// Throws NotFoundError "no such container: …" (1); running without force: Error with code 2.
// `volumes`: its anonymous volumes too.
void remove_container(const store::Store& store, const std::string& name, bool force, bool volumes);

}  // namespace sandbox::engine
