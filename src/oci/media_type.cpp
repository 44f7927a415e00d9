#include "sandbox/oci/media_type.hpp"

#include <array>

namespace sandbox::oci {
namespace {

struct NamedType {
    std::string_view name;
    MediaType type;
};

// The first name of a type is the one that we write.
constexpr std::array<NamedType, 20> kTypes{{
    {"application/vnd.oci.image.index.v1+json", MediaType::oci_index},
    {"application/vnd.docker.distribution.manifest.list.v2+json", MediaType::docker_manifest_list},
    {"application/vnd.oci.image.manifest.v1+json", MediaType::oci_manifest},
    {"application/vnd.docker.distribution.manifest.v2+json", MediaType::docker_manifest},
    {"application/vnd.oci.image.config.v1+json", MediaType::oci_config},
    {"application/vnd.docker.container.image.v1+json", MediaType::docker_config},
    {"application/vnd.oci.image.layer.v1.tar", MediaType::layer_tar},
    {"application/vnd.oci.image.layer.v1.tar+gzip", MediaType::layer_tar_gzip},
    {"application/vnd.oci.image.layer.v1.tar+zstd", MediaType::layer_tar_zstd},
    {"application/vnd.oci.image.layer.v1.tar+xz", MediaType::layer_tar_xz},
    {"application/vnd.docker.image.rootfs.diff.tar", MediaType::layer_tar},
    {"application/vnd.docker.image.rootfs.diff.tar.gzip", MediaType::layer_tar_gzip},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", MediaType::layer_tar_zstd},
    {"application/vnd.docker.image.rootfs.diff.tar.xz", MediaType::layer_tar_xz},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar", MediaType::layer_foreign},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MediaType::layer_foreign},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar.zstd", MediaType::layer_foreign},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar", MediaType::layer_foreign},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", MediaType::layer_foreign},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", MediaType::layer_foreign},
}};

}  // namespace

std::optional<MediaType> try_parse_media_type(std::string_view text) noexcept {
    for (const NamedType& named : kTypes) {
        if (named.name == text) return named.type;
    }
    return std::nullopt;
}

std::string_view media_type_name(MediaType type) noexcept {
    for (const NamedType& named : kTypes) {
        if (named.type == type) return named.name;
    }
    return {};
}

std::string_view docker_layer_name(MediaType layer_type) noexcept {
    for (const NamedType& named : kTypes) {
        if (named.type == layer_type && named.name.find("vnd.docker.") != named.name.npos) {
            return named.name;
        }
    }
    return {};
}

bool is_index(MediaType type) noexcept {
    return type == MediaType::oci_index || type == MediaType::docker_manifest_list;
}

bool is_manifest(MediaType type) noexcept {
    return type == MediaType::oci_manifest || type == MediaType::docker_manifest;
}

bool is_config(MediaType type) noexcept {
    return type == MediaType::oci_config || type == MediaType::docker_config;
}

bool is_layer(MediaType type) noexcept {
    return !is_index(type) && !is_manifest(type) && !is_config(type);
}

std::string manifest_accept_header() {
    std::string header;
    for (const NamedType& named : kTypes) {
        if (!is_index(named.type) && !is_manifest(named.type)) continue;
        if (!header.empty()) header.append(", ");
        header.append(named.name);
    }
    return header;
}

}  // namespace sandbox::oci
