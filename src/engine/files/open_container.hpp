// A container whose files are asked for: its record, its lock when it does not run, and the place
// for a worker.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/files/places.hpp"
#include "sandbox/store/container_store.hpp"

namespace sandbox::engine {

struct OpenContainer {
    store::ContainerEntry entry;
    std::string typed;                           // as the user named it
    std::optional<store::OwnedContainer> owned;  // absent: it runs
    base::UniqueFd dir;                          // containers/<id>, O_PATH

    [[nodiscard]] bool running() const noexcept { return !owned; }
};
// Throws NotFoundError.
[[nodiscard]] OpenContainer open_container(const store::Store& store, const std::string& name);
// Anew for each worker. `container` must outlive it. `without`: a container that does not run shows
// its root only, not its volumes and binds.
enum class Mounts { with, without };
[[nodiscard]] std::unique_ptr<WorkPlace> make_place(const store::Store& store,
                                                    OpenContainer& container,
                                                    Mounts mounts = Mounts::with);

}  // namespace sandbox::engine
