// What a killed supervisor leaves behind, and who finds it. A one-shot container whose lock nobody
// holds is garbage; a kept one is a container that has ended.
#pragma once

#include <string>

#include "sandbox/store/container_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// Beside the record of a container that stays, and of one that was created and not started yet: the
// search for garbage need not read records.
void mark_kept(const store::OwnedContainer& container);
void forget_kept(const store::OwnedContainer& container);
// It shall go with its anonymous volumes: whoever finds it dead finishes that.
void mark_doomed(const store::OwnedContainer& container) noexcept;
// It is started again.
void forget_doomed(const store::OwnedContainer& container);
// Removes dead one-shot containers with their anonymous volumes. Cheap when there is none; never
// throws (what cannot be removed now is for `system prune`).
void remove_dead_containers(const store::Store& store) noexcept;
// One of them: true when there is no such container any more.
bool remove_if_dead(const store::Store& store, const std::string& id) noexcept;
// For who has looked at the lock already, and has the container's directory.
[[nodiscard]] bool is_marked_kept(int container_dir_fd);
// The container and its anonymous volumes.
void remove_owned(const store::Store& store, store::OwnedContainer container,
                  const base::json::Value& record, bool volumes);

}  // namespace sandbox::engine
