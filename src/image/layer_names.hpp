// Which of a plan's lower directories are layers of the store.
#pragma once

#include <string>
#include <vector>

#include "sandbox/image/rootfs.hpp"

namespace sandbox::image {

// Names below layers/; others than layers (a container's upper directory) are left out.
[[nodiscard]] std::vector<std::string> layer_names(const RootfsPlan& plan);
// In a layer, there when its files are marked: owners of its links (owner_table.hpp).
inline constexpr const char* kMarkedName = "owners.table";

}  // namespace sandbox::image
