// From a source (registry, OCI directory, archives) to an image in the store: all of it, or
// nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/image/progress.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/oci/image_config.hpp"
#include "sandbox/oci/platform.hpp"
#include "sandbox/oci/reference.hpp"
#include "sandbox/store/image_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::image {

enum class PullPolicy { missing, always, never };

struct PullOptions {
    std::optional<oci::Platform> platform;  // absent: the host's
    Progress* progress = nullptr;           // borrowed; may be null
    // ensure_image: what is called before it does more than look; may be empty.
    std::function<void()> begins;
};

// Fetches, verifies, unpacks, publishes. Resumes what an earlier run left. Ctrl-C safe: what is
// verified stays, the rest is removed or resumable.
store::ImageRecord pull(const store::Store& store, const oci::ImageSource& source,
                        const PullOptions& options);

// What `run` needs: the image by policy, unpacked for the id mode in use now.
// `name`: what the user typed (reference, id, source). Throws NotFoundError with code 125 for
// never.
store::ImageRecord ensure_image(const store::Store& store, std::string_view name, PullPolicy policy,
                                const PullOptions& options);

// What the registry's tag names now: of the index, when it is one. Nothing is fetched or kept.
// `reference` must have a tag. Throws as registry::Client::fetch_manifest() does.
[[nodiscard]] oci::Digest resolve_digest(const oci::Reference& reference);

// The layers of `record` unpacked for `ids`, from the blobs that are kept: no network. Nothing to
// do when they are there.
void unpack_layers(const store::Store& store, const store::ImageRecord& record,
                   const kernel::IdMap& ids, Progress* progress);

[[nodiscard]] oci::ImageConfig load_config(const store::Store& store,
                                           const store::ImageRecord& record);

// `save`: several images into one archive on `out_fd`, docker-archive (with OCI layout inside) or
// oci-archive; or an OCI directory. `load`: any of these, by content; answers what was loaded.
enum class ArchiveFormat { docker_archive, oci_archive, oci_dir, docker_dir };
void save(const store::Store& store, const std::vector<std::string>& names, ArchiveFormat format,
          int out_fd, const std::string& dir_path);
std::vector<store::ImageRecord> load(const store::Store& store, int in_fd,
                                     const PullOptions& options);

}  // namespace sandbox::image
