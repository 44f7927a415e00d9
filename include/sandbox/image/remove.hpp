// rmi, prune, df and check: what may go, what goes, what is damaged.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::image {

struct RemovedImage {
    std::vector<std::string> untagged;  // "docker.io/library/nginx:latest"
    std::vector<std::string> deleted;   // "sha256:…" image ids
};
// Names as the user typed them. Throws NotFoundError (1) or Error with code 2 "image is in use by
// container …" unless force (then the containers that do not run are removed as well).
RemovedImage remove_images(const store::Store& store, const std::vector<std::string>& names,
                           bool force);

// Staging of killed processes, whatever uid made it. Cheap when there is none; not for the launch
// path.
void remove_leftovers(const store::Store& store);

struct PruneReport {
    std::vector<std::string> removed;  // what, one line each
    std::uint64_t reclaimed_bytes = 0;
};
// Leftovers (staging, partial downloads, unreferenced blobs and layers), dangling images;
// `all_images`: every image that no container uses; `volumes`: unused anonymous volumes too;
// `containers`: dead containers.
struct PruneOptions {
    bool all_images = false;
    bool volumes = false;
    bool containers = true;
    // Only what has such labels and was made at such a time (Unix seconds); empty: all. With it,
    // partial downloads stay, which have neither.
    using Labels = std::map<std::string, std::string>;
    std::function<bool(const Labels& labels, std::int64_t created)> wants{};
};
PruneReport prune(const store::Store& store, const PruneOptions& options);
// Blobs and layers that no image or container refers to; cheap; run after rmi.
std::uint64_t sweep(const store::Store& store);

struct UsageRow {
    std::string type;  // "Images", "Containers", "Local Volumes", "Partial Downloads", "Cache"
    std::uint64_t total = 0;
    std::uint64_t active = 0;
    std::uint64_t size_bytes = 0;  // allocated; all rows add up to `du` of the store
    std::uint64_t reclaimable_bytes = 0;
};
[[nodiscard]] std::vector<UsageRow> disk_usage(const store::Store& store);

struct Damage {
    std::string object;  // "blob sha256:…", "layer …", "image …"
    std::string what;
};
// Reads everything. `repair`: removes damaged objects so that the next pull heals them; a layer
// that a container runs on stays. What cannot be checked (no process, no memory, no blob) is no
// damage: a warning each, nothing is removed, and where that is all there is to say an Error (1).
[[nodiscard]] std::vector<Damage> check(const store::Store& store, bool repair);

// Bytes on the disk that each of these containers has written into its root, by id.
[[nodiscard]] std::map<std::string, std::uint64_t> measure_containers(
    const store::Store& store, const std::vector<std::string>& ids);

}  // namespace sandbox::image
