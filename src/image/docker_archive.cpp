#include "docker_archive.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <utility>

#include "codec.hpp"
#include "oci_layout.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

using base::IntegrityError;
namespace json = base::json;

constexpr const char* kManifestFile = "manifest.json";
constexpr size_t kBufferBytes = 256u << 10;

std::vector<std::string> strings_of(const json::Value& value, const char* key) {
    std::vector<std::string> strings;
    if (value[key].is_null()) return strings;
    const json::Array* array = value[key].as_array();
    if (array == nullptr) throw IntegrityError(std::string(key) + " in manifest.json is no list");
    for (const json::Value& item : *array) {
        const std::string* text = item.as_string();
        if (text == nullptr)
            throw IntegrityError(std::string(key) + " in manifest.json is no text");
        strings.push_back(*text);
    }
    return strings;
}

size_t read_at(const FileRange& range, std::uint64_t position, char* data, size_t size) {
    size = static_cast<size_t>(std::min<std::uint64_t>(size, range.size_bytes - position));
    size_t done = 0;
    while (done < size) {
        const long rc =
            base::raw::pread(range.file->get(), data + done, size - done,
                             static_cast<std::int64_t>(range.offset_bytes + position + done));
        if (rc == -EINTR) continue;
        if (rc < 0) throw base::SysError(static_cast<int>(-rc), "read", "the archive");
        if (rc == 0) throw IntegrityError("the archive is cut off");
        done += static_cast<size_t>(rc);
    }
    return done;
}

oci::Digest digest_of(const FileRange& range) {
    base::Sha256 hash;
    std::vector<char> buffer(kBufferBytes);
    for (std::uint64_t position = 0; position < range.size_bytes;) {
        const size_t got = read_at(range, position, buffer.data(), buffer.size());
        hash.update(buffer.data(), got);
        position += got;
    }
    return oci::Digest::from_hex(hash.finish_hex());
}

// A plain layer's digest is its diff id, which the unpacking child verifies; a compressed one must
// be read for its digest.
oci::Descriptor describe_layer(const FileRange& range, const oci::DiffId& diff) {
    std::array<char, kMagicBytes> head{};
    const size_t got = read_at(range, 0, head.data(), head.size());
    oci::Descriptor layer{oci::MediaType::layer_tar, diff.digest, range.size_bytes, {}};
    switch (detect_compression({reinterpret_cast<const std::byte*>(head.data()), got})) {
        case Compression::plain:
            return layer;
        case Compression::gzip:
            layer.media_type = oci::MediaType::layer_tar_gzip;
            break;
        case Compression::zstd:
            layer.media_type = oci::MediaType::layer_tar_zstd;
            break;
        case Compression::xz:
            layer.media_type = oci::MediaType::layer_tar_xz;
            break;
    }
    layer.digest = digest_of(range);
    return layer;
}

}  // namespace

bool has_docker_manifest(const ImageFiles& files) {
    return files.try_find(kManifestFile).has_value();
}

std::vector<DockerItem> list_docker_items(const ImageFiles& files) {
    const json::Value document = base::with_context(kManifestFile, [&] {
        return json::parse(files.read(kManifestFile, oci::kMaxManifestBytes));
    });
    const json::Array* array = document.as_array();
    if (array == nullptr) throw IntegrityError("manifest.json is no list");
    std::vector<DockerItem> items;
    for (const json::Value& value : *array) {
        DockerItem item{value.string_or("Config"), strings_of(value, "RepoTags"),
                        strings_of(value, "Layers")};
        if (item.config.empty()) throw IntegrityError("manifest.json names no config");
        if (item.layers.size() > oci::kMaxLayers) {
            throw IntegrityError("manifest.json names more than " +
                                 std::to_string(oci::kMaxLayers) + " layers");
        }
        items.push_back(std::move(item));
    }
    return items;
}

LocalImage read_docker_item(const ImageFiles& files, const DockerItem& item) {
    Document config{oci::Digest::of(""), files.read(item.config, oci::kMaxConfigBytes)};
    config.digest = oci::Digest::of(config.text);
    if (has_oci_layout(files)) {
        if (auto local = try_oci_image_with_config(files, config.digest)) return std::move(*local);
    }
    const oci::ImageConfig parsed = oci::parse_image_config(config.text);
    oci::check_layer_count(parsed, item.layers.size());
    oci::Manifest manifest{oci::MediaType::docker_manifest,
                           {oci::MediaType::docker_config, config.digest, config.text.size(), {}},
                           {},
                           {}};
    std::map<oci::Digest, FileRange> blobs;
    for (size_t i = 0; i < item.layers.size(); ++i) {
        const std::optional<FileRange> range = files.try_find(item.layers[i]);
        if (!range) throw IntegrityError("the archive has no file " + base::quote(item.layers[i]));
        manifest.layers.push_back(describe_layer(*range, parsed.diff_ids[i]));
        blobs.insert_or_assign(manifest.layers.back().digest, *range);
    }
    const std::string text = oci::to_json(manifest);
    return {make_resolved({oci::Digest::of(text), text}, "", std::move(config)), std::move(blobs)};
}

}  // namespace sandbox::image
