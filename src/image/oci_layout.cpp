#include "oci_layout.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/strings.hpp"

namespace sandbox::image {
namespace {

using base::IntegrityError;

constexpr const char* kIndexFile = "index.json";
constexpr const char* kLayoutFile = "oci-layout";
constexpr std::uint64_t kMaxLayoutBytes = 4096;
// containerd and docker write the full name, the specification's key has a tag or a name.
constexpr std::array<const char*, 2> kNameKeys = {"io.containerd.image.name",
                                                  "org.opencontainers.image.ref.name"};

void find_layers(const ImageFiles& files, LocalImage& local) {
    for (const oci::Descriptor& layer : local.image.parsed_manifest.layers) {
        const std::optional<FileRange> range = files.try_find(blob_path(layer.digest));
        if (!range) throw IntegrityError("the archive lacks layer " + layer.digest.str());
        local.blobs.insert_or_assign(layer.digest, *range);
    }
}

LocalImage read_manifest(const ImageFiles& files, const oci::Descriptor& descriptor,
                         std::optional<Document> index) {
    Document document{descriptor.digest, read_blob(files, descriptor, oci::kMaxManifestBytes)};
    const oci::Manifest manifest = oci::parse_manifest(document.text);
    Document config{manifest.config.digest,
                    read_blob(files, manifest.config, oci::kMaxConfigBytes)};
    LocalImage local{make_resolved(std::move(document), "", std::move(config)), {}};
    local.image.index = std::move(index);
    find_layers(files, local);
    return local;
}

// All manifests, also those one index below index.json.
std::vector<std::pair<oci::Descriptor, std::optional<Document>>> all_manifests(
    const ImageFiles& files) {
    std::vector<std::pair<oci::Descriptor, std::optional<Document>>> manifests;
    for (const OciEntry& entry : list_oci_entries(files)) {
        if (oci::is_manifest(entry.descriptor.media_type)) {
            manifests.emplace_back(entry.descriptor, std::nullopt);
            continue;
        }
        if (!files.try_find(blob_path(entry.descriptor.digest))) continue;
        const Document index{entry.descriptor.digest,
                             read_blob(files, entry.descriptor, oci::kMaxManifestBytes)};
        for (const oci::IndexEntry& inner : oci::parse_index(index.text).entries) {
            if (oci::is_manifest(inner.descriptor.media_type)) {
                manifests.emplace_back(inner.descriptor, index);
            }
        }
    }
    return manifests;
}

}  // namespace

bool has_oci_layout(const ImageFiles& files) {
    const std::optional<std::string> text = files.try_read(kLayoutFile, kMaxLayoutBytes);
    if (!text) return false;
    const std::string version = base::json::parse(*text).string_or("imageLayoutVersion");
    if (version.substr(0, 2) != "1.") {
        throw IntegrityError("unknown OCI layout version " + base::quote(version));
    }
    return true;
}

std::string blob_path(const oci::Digest& digest) {
    return "blobs/sha256/" + digest.hex();
}

std::string read_blob(const ImageFiles& files, const oci::Descriptor& blob,
                      std::uint64_t limit_bytes) {
    std::string text = files.read(blob_path(blob.digest), limit_bytes);
    const oci::Digest actual = oci::Digest::of(text);
    if (actual != blob.digest || text.size() != blob.size_bytes) {
        throw IntegrityError("blob " + blob.digest.str() + " has the digest " + actual.str() +
                             " and " + std::to_string(text.size()) + " bytes");
    }
    return text;
}

std::vector<OciEntry> list_oci_entries(const ImageFiles& files) {
    const oci::Index index = base::with_context(kIndexFile, [&] {
        return oci::parse_index(files.read(kIndexFile, oci::kMaxManifestBytes));
    });
    std::vector<OciEntry> entries;
    for (const oci::IndexEntry& item : index.entries) {
        auto known = std::find_if(entries.begin(), entries.end(), [&](const OciEntry& entry) {
            return entry.descriptor.digest == item.descriptor.digest;
        });
        if (known == entries.end()) {
            entries.push_back({item.descriptor, {}});
            known = entries.end() - 1;
        }
        for (const char* key : kNameKeys) {
            const auto name = item.descriptor.annotations.find(key);
            if (name != item.descriptor.annotations.end() && !name->second.empty()) {
                known->names.push_back(name->second);
            }
        }
    }
    return entries;
}

LocalImage read_oci_entry(const ImageFiles& files, const OciEntry& entry,
                          const oci::Platform& platform) {
    return base::with_context("image " + entry.descriptor.digest.str(), [&] {
        if (oci::is_manifest(entry.descriptor.media_type)) {
            return read_manifest(files, entry.descriptor, std::nullopt);
        }
        Document index{entry.descriptor.digest,
                       read_blob(files, entry.descriptor, oci::kMaxManifestBytes)};
        const oci::Index parsed = oci::parse_index(index.text);
        const oci::IndexEntry& chosen = oci::select_platform(parsed, platform);
        return read_manifest(files, chosen.descriptor, std::move(index));
    });
}

std::optional<LocalImage> try_oci_image_with_config(const ImageFiles& files,
                                                    const oci::Digest& config) {
    for (auto& [descriptor, index] : all_manifests(files)) {
        if (!files.try_find(blob_path(descriptor.digest))) continue;  // another platform's
        try {
            const oci::Manifest manifest =
                oci::parse_manifest(read_blob(files, descriptor, oci::kMaxManifestBytes));
            if (manifest.config.digest != config) continue;
            return read_manifest(files, descriptor, index);
        } catch (const IntegrityError& error) {
            // manifest.json decides what is in a docker archive: this one is made from it then.
            base::log::debug(error.what());
        }
    }
    return std::nullopt;
}

}  // namespace sandbox::image
