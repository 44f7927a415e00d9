// A container of the store, ready to be launched once more: its record and its image as they are,
// the host (ids, name servers, limits) as it is now.
#pragma once

#include <memory>

#include "engine/spec_builder.hpp"
#include "engine/volume_mounts.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/engine/run.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {

struct SavedContainer {
    RunRequest request;
    SpecDraft draft;
    std::unique_ptr<VolumeMounts> volumes;  // mark_seeded() after the launch
};
// Layers of the container's that are gone (a power cut soon after the pull, a repair) come back
// from their blobs. No store lock may be held. Throws NotFoundError when image or blobs are gone as
// well.
void restore_layers(const store::Store& store, const base::json::Value& record);
// Must hold the container's lock. Throws Error (125) when its image, a bind source or a volume is
// gone, or its record is damaged.
[[nodiscard]] SavedContainer load_saved_container(const store::Store& store, const std::string& id,
                                                  const base::json::Value& record);

}  // namespace sandbox::engine
