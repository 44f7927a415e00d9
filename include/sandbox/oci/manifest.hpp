// Manifests and indexes, parsed and validated; no I/O. All input is hostile: sizes, counts,
// nesting and types are checked, and every document that is ambiguous is refused.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/oci/digest.hpp"
#include "sandbox/oci/media_type.hpp"
#include "sandbox/oci/platform.hpp"

namespace sandbox::oci {

inline constexpr std::uint64_t kMaxManifestBytes = 4u << 20;
inline constexpr std::uint64_t kMaxConfigBytes = 4u << 20;
inline constexpr size_t kMaxLayers = 500;  // overlayfs: OVL_MAX_STACK
inline constexpr size_t kMaxIndexEntries = 1000;

struct Descriptor {
    MediaType media_type = MediaType::oci_manifest;
    Digest digest;
    std::uint64_t size_bytes = 0;
    std::map<std::string, std::string> annotations;
};

struct Manifest {
    MediaType media_type = MediaType::oci_manifest;
    Descriptor config;
    std::vector<Descriptor> layers;  // bottom first
    std::map<std::string, std::string> annotations;
};

struct IndexEntry {
    Descriptor descriptor;
    std::optional<Platform> platform;  // absent: not said
};

struct Index {
    MediaType media_type = MediaType::oci_index;
    std::vector<IndexEntry> entries;  // of unknown media types are left out
};

// `content_type`: what the registry's header said, or empty; must agree with the document's own
// mediaType (CVE-2021-41190). Throws IntegrityError naming what is wrong.
[[nodiscard]] Manifest parse_manifest(std::string_view text, std::string_view content_type = {});
[[nodiscard]] Index parse_index(std::string_view text, std::string_view content_type = {});
enum class DocumentKind { manifest, index };
// Which of the two is it? Throws on schema 1, artifact manifests and unknown types, by name.
[[nodiscard]] DocumentKind document_kind(std::string_view text, std::string_view content_type = {});
// The best entry for `wanted`; throws Error "no image for platform …", listing what exists.
[[nodiscard]] const IndexEntry& select_platform(const Index& index, const Platform& wanted);
[[nodiscard]] std::string to_json(const Manifest& manifest);  // canonical, for images we make

}  // namespace sandbox::oci
