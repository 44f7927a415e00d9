// The confined child's side of LayerUnpack: from clone to exit.
#pragma once

#include <functional>

#include "image/blob_feed.hpp"
#include "image/report_wire.hpp"
#include "sandbox/image/unpack.hpp"

namespace sandbox::image {

struct ChildJob {
    enum class Kind { unpack, compare };
    Kind kind = Kind::unpack;
    pid_t parent = -1;
    int blob_fd = -1;
    int report_fd = -1;
    int owners_fd = -1;
    int closed_target_fd = -1;  // the layer's directory, when the parent may not enter it
    const kernel::IdMap* ids = nullptr;
    UnpackLimits limits;
    bool hash_blob = true;
    SharedFeed* feed = nullptr;
};

// Never returns. Must be called in the child, with the layer's directory as current directory.
[[noreturn]] void run_unpack_child(const ChildJob& job) noexcept;

}  // namespace sandbox::image
