// The media types that we read. Anything else is refused by name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sandbox::oci {

enum class MediaType {
    oci_index,
    docker_manifest_list,
    oci_manifest,
    docker_manifest,
    oci_config,
    docker_config,
    layer_tar,  // oci and docker, plain
    layer_tar_gzip,
    layer_tar_zstd,
    layer_tar_xz,   // seen in old archives
    layer_foreign,  // non-distributable: refused, never fetched from its urls
};
[[nodiscard]] std::optional<MediaType> try_parse_media_type(std::string_view text) noexcept;
// The OCI name, or docker's for the docker_… values. A layer of a docker manifest has docker's
// name.
[[nodiscard]] std::string_view media_type_name(MediaType type) noexcept;
[[nodiscard]] std::string_view docker_layer_name(MediaType layer_type) noexcept;
[[nodiscard]] bool is_index(MediaType type) noexcept;
[[nodiscard]] bool is_manifest(MediaType type) noexcept;
[[nodiscard]] bool is_layer(MediaType type) noexcept;
[[nodiscard]] bool is_config(MediaType type) noexcept;
// What a manifest request accepts, for the HTTP Accept header.
[[nodiscard]] std::string manifest_accept_header();

}  // namespace sandbox::oci
