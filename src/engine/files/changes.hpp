// A container's changes, seen by a worker who owns its files.
#pragma once

#include <vector>

#include "engine/files/open_container.hpp"
#include "engine/files/places.hpp"
#include "sandbox/image/tree_changes.hpp"

namespace sandbox::engine {

// The descriptors that a worker needs for a container's changes, opened by the parent as paths
// (whatever their modes), made readable by the worker.
class ChangeSources {
  public:
    ChangeSources(const store::Store& store, const OpenContainer& container);
    // In the child, as the owner: what walk_changes() takes. Call it once.
    [[nodiscard]] image::ChangedTree open();
    [[nodiscard]] std::vector<int> numbers() const;  // for confine_file_work()
    // Descriptors of layers/<name>, for owner books; top first.
    [[nodiscard]] std::vector<int> layer_dirs() const;

  private:
    bool is_upper_ = true;
    base::UniqueFd top_;
    std::vector<base::UniqueFd> layers_, layer_fs_;
    std::vector<base::UniqueFd> opened_;
};

}  // namespace sandbox::engine
