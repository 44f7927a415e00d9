// Containers that exist: listing, inspection and removal. What they do is in lifecycle.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/base/json.hpp"
#include "sandbox/store/layout.hpp"
#include "sandbox/store/network_facts.hpp"

namespace sandbox::engine {

// The document of `inspect` with docker's field names (.Id .Name .Config .State .HostConfig
// .Mounts .NetworkSettings …). `state` is derived from the lock, never from what was written.
// `size`: SizeRw and SizeRootFs, which take a walk through what the container has written.
[[nodiscard]] base::json::Value inspect_container(const store::Store& store,
                                                  const std::string& name, bool size = false);
struct ContainerRow {
    std::string id, name, image, image_id, command, status, state;
    std::int64_t created = 0;     // Unix seconds
    std::int64_t created_ns = 0;  // the same, fine enough to order by
    std::int64_t started_ns = 0;  // Unix time; 0: never
    int exit_code = 0;
    base::json::Value labels;
    std::vector<std::string> mounts;            // volumes' names and sources
    std::vector<std::string> mount_targets;     // paths inside
    std::vector<std::string> networks;          // names, never empty
    std::string health = "none";                // "starting", "healthy", "unhealthy"
    std::vector<std::string> exposed_ports;     // "80/tcp"
    std::string ports;                          // docker's way to write them; of one that runs
    std::vector<std::string> published_ports;   // "80/tcp", inside
    std::vector<store::PortMapping> published;  // the same, with their places on the host
    std::string restart_policy = "no";          // without the number of tries
    std::string platform;                       // "linux/amd64"
    std::size_t volumes = 0;                    // of `mounts`
    std::string size;                           // "12.3kB (virtual 121MB)", by measure_rows()
};
[[nodiscard]] std::vector<ContainerRow> list_containers(const store::Store& store);
void measure_rows(const store::Store& store, std::vector<ContainerRow>& rows);
// Throws NotFoundError "no such container: …" (1); running without force: Error with code 2.
// `volumes`: its anonymous volumes too.
void remove_container(const store::Store& store, const std::string& name, bool force, bool volumes);

}  // namespace sandbox::engine
