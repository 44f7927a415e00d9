// One layer blob → one directory, in a confined child: own user, mount and network namespace,
// pivoted into the target, no exec, no sockets. It reads the blob while it grows.
// Not for: where layers live (store), which layers (pull).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sandbox/base/unique_fd.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/oci/digest.hpp"
#include "sandbox/oci/media_type.hpp"

namespace sandbox::image {

struct UnpackLimits {
    std::uint64_t max_unpacked_bytes = 256ull << 30;
    std::uint64_t max_entries = 8'000'000;
    std::uint64_t disk_reserve_bytes = 256u << 20;  // statfs: stop before the disk is that full
};

struct UnpackPlan {
    int blob_fd = -1;    // borrowed; read by pread from 0
    int target_fd = -1;  // borrowed; the empty fs/ directory
    int owners_fd = -1;  // borrowed; single mode: "uid gid path\0" records for owners ≠ 0:0
    oci::MediaType media_type = oci::MediaType::layer_tar_gzip;  // the codec is decided by magic
    kernel::IdMap ids;
    UnpackLimits limits;
    bool hash_blob = true;  // false: whoever writes the blob knows its digest
};

struct UnpackReport {
    std::optional<oci::Digest> blob;  // of the bytes read; absent without hash_blob
    oci::DiffId diff;                 // of the plain tar
    std::uint64_t blob_bytes = 0;
    std::uint64_t unpacked_bytes = 0;
    std::uint64_t entries = 0;
    std::vector<std::string> implied_dirs;  // made without an entry of their own
    std::vector<std::string> notices;
};

class LayerUnpack {
  public:
    // Must be called while the process has one thread.
    static LayerUnpack start(const UnpackPlan& plan);
    LayerUnpack(LayerUnpack&&) noexcept;
    ~LayerUnpack();  // kills the child
    // The blob now has that many bytes. Never blocks.
    void announce(std::uint64_t available_bytes);
    // No more bytes will come; the total is `size_bytes`.
    void end_of_blob(std::uint64_t size_bytes);
    // Readable when the child has finished or failed; borrowed.
    [[nodiscard]] int result_fd() const noexcept;
    // Waits for the child. Throws IntegrityError (bad tar, bad entry, codec), Error (no space,
    // limit), or when the child died.
    UnpackReport finish();

  private:
    struct Impl;
    explicit LayerUnpack(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

// After all layers are there: a directory that `layer_fs_fd` implies without an entry takes mode,
// owner and time of the topmost lower layer that has it (lowers: top first; borrowed). `between` is
// called every second or so, and may throw: nothing else of the caller's runs meanwhile.
void adopt_implied_dirs(int layer_fs_fd, const std::vector<std::string>& implied_dirs,
                        const std::vector<int>& lower_fs_fds, const kernel::IdMap& ids,
                        const std::function<void()>& between = {});

// `system check`: does the tree equal its blob's tar stream? Every difference is one line.
[[nodiscard]] std::vector<std::string> compare_with_blob(int layer_fs_fd, int blob_fd,
                                                         const kernel::IdMap& ids);

}  // namespace sandbox::image
