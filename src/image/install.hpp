// An image whose documents are known → records in the store. All of it, or nothing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "layer_batch.hpp"
#include "sandbox/oci/image_config.hpp"
#include "sandbox/oci/manifest.hpp"
#include "sandbox/oci/reference.hpp"
#include "sandbox/store/claims.hpp"
#include "sandbox/store/image_store.hpp"

namespace sandbox::image {

struct Document {
    oci::Digest digest;
    std::string text;
};

struct ResolvedImage {
    std::optional<Document> index{};
    Document manifest;
    Document config;
    oci::Manifest parsed_manifest;
    oci::ImageConfig parsed_config;
    std::vector<oci::Reference> names{};  // with tag, or with digest only; none: dangling
    std::vector<std::string> repo_digests{};
};

// Parses and cross-checks the documents. Throws IntegrityError.
[[nodiscard]] ResolvedImage make_resolved(Document manifest, const std::string& content_type,
                                          Document config);
// An index is searched for the platform; a lone manifest says it in its config only. Throws Error
// "no image for platform …"; a config that says nothing fits everywhere.
void check_platform(const oci::ImageConfig& config, const oci::Platform& wanted);
[[nodiscard]] std::vector<LayerWish> layer_wishes(const oci::Manifest& manifest,
                                                  const oci::ImageConfig& config);
// Until it goes no sweep takes these layers and their blobs. No store lock may be held.
[[nodiscard]] store::Claim claim_layers(const InstallContext& context,
                                        const std::vector<LayerWish>& layers);
// Layers and their blobs are in the store afterwards, in the context's mode. Answers the shared
// store lock under which the last of them were published, when any was.
std::optional<base::FileLock> install_layers(const InstallContext& context,
                                             const std::vector<LayerWish>& layers);
[[nodiscard]] bool has_all(const store::Store& store, const std::vector<LayerWish>& layers,
                           store::LayerMode mode);
// Answers the record of the first name.
store::ImageRecord install_image(const InstallContext& context, const ResolvedImage& image);

}  // namespace sandbox::image
