// Image → what the launch mounts: overlay lower directories, or one copied tree where the kernel
// refuses overlay. Pure data; nothing is mounted here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layer_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::image {

struct RootfsPlan {
    enum class Kind { overlay, copied_tree };
    Kind kind = Kind::overlay;
    // Paths relative to the store's layers directory ("range-<hex>/fs"), TOP layer first.
    std::vector<std::string> lower_dirs;
    store::LayerMode mode = store::LayerMode::single;
};

// Throws Error when a layer is missing or damaged ("run `sandbox pull` again").
[[nodiscard]] RootfsPlan plan_rootfs(const store::Store& store, const store::ImageRecord& record,
                                     kernel::IdMode mode);
// Where overlay is refused: a copy (reflink where there is one) of all layers below `target_fd`.
void copy_rootfs(const store::Store& store, const RootfsPlan& plan, int target_fd);
// Reads a file of the image without mounting it (passwd, group): topmost layer that has it,
// whiteouts and links honoured within the image, regular files only, limit in bytes.
[[nodiscard]] std::optional<std::string> try_read_image_file(const store::Store& store,
                                                             const RootfsPlan& plan,
                                                             const std::string& path,
                                                             size_t limit_bytes);

}  // namespace sandbox::image
