// An OCI image layout (image-spec image-layout.md) among an archive's or a directory's files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "archive_image.hpp"

namespace sandbox::image {

[[nodiscard]] bool has_oci_layout(const ImageFiles& files);
[[nodiscard]] std::string blob_path(const oci::Digest& digest);
// The blob's text, digest and size verified.
[[nodiscard]] std::string read_blob(const ImageFiles& files, const oci::Descriptor& blob,
                                    std::uint64_t limit_bytes);

// An entry of index.json. Several that name the same document are one, with several names.
struct OciEntry {
    oci::Descriptor descriptor;
    std::vector<std::string> names;  // annotations: full names and bare tags
};
[[nodiscard]] std::vector<OciEntry> list_oci_entries(const ImageFiles& files);
[[nodiscard]] LocalImage read_oci_entry(const ImageFiles& files, const OciEntry& entry,
                                        const oci::Platform& platform);
// The manifest whose config is `config`, when the layout has it with all its layers: a docker
// archive with an OCI layout inside keeps its manifest bit for bit.
[[nodiscard]] std::optional<LocalImage> try_oci_image_with_config(const ImageFiles& files,
                                                                  const oci::Digest& config);

}  // namespace sandbox::image
