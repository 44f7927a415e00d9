#include "sandbox/project/image_lock.hpp"

#include <fcntl.h>

#include <algorithm>
#include <optional>

#include "document.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/pull.hpp"
#include "sandbox/oci/reference.hpp"
#include "sandbox/store/image_store.hpp"
#include "sources.hpp"
#include "toml_text.hpp"

namespace sandbox::project {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr size_t kMaxFileBytes = 1u << 20;
constexpr const char* kHead =
    "# Written by `sandbox lock`: the images of this project, each fixed by its digest. Keep this\n"
    "# file with the profile; `sandbox lock --update` renews it.\n";

bool contains(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_digest_of(const store::ImageRecord& record, const oci::Digest& digest) {
    return record.manifest == digest || (record.index && *record.index == digest);
}

// What a registry's tag named; of another image, what its archive or directory held.
oci::Digest digest_of(const store::ImageRecord& record) {
    return record.index ? *record.index : record.manifest;
}

std::string pinned_name(const oci::Reference& reference, const std::string& digest) {
    return reference.familiar() + "@" + digest;
}

std::string locked_name(const store::Store& store, const std::string& image,
                        const std::string& digest_text) {
    const store::ImageStore images(store);
    const oci::Digest digest = oci::Digest::parse(digest_text);
    if (const auto record = images.try_find(image); record && is_digest_of(*record, digest)) {
        return image;
    }
    std::string pinned = pinned_name(oci::Reference::parse(image), digest_text);
    if (images.try_find(pinned)) return pinned;
    for (const store::ImageRecord& record : images.list()) {
        if (is_digest_of(record, digest)) return record.id.str();
    }
    return pinned;
}

oci::Digest current_digest(const store::Store& store, const std::string& image, bool renew) {
    const auto record = store::ImageStore(store).try_find(image);
    // No registry has ever had it: made here, or loaded.
    const bool only_here = record && record->repo_digests.empty();
    if (record && (!renew || only_here)) return digest_of(*record);
    return image::resolve_digest(oci::Reference::parse(image));
}

void read_images(const Documents& documents, const Node& images,
                 std::map<std::string, std::string>& digests) {
    if (images.table() == nullptr) {
        documents.fail(images.at, "\"images\" must be a table",
                       "remove the file: `sandbox lock` writes a new one");
    }
    for (const Member& member : *images.table()) {
        const std::string* text = member.node.text();
        bool good = text != nullptr && is_lockable(member.key);
        if (good) {
            try {
                good = oci::Digest::parse(*text).str() == *text;
            } catch (const base::Error&) {
                good = false;
            }
        }
        if (!good) {
            documents.fail(member.node.at, "not a digest of " + base::quote(member.key),
                           "remove the file: `sandbox lock` writes a new one");
        }
        digests[member.key] = *text;
    }
}

}  // namespace

std::string image_lock_path(const Project& project) {
    const std::string& first = project.files.front();
    if (first == kStandardInput) return project.directory + "/sandbox.lock";
    const size_t slash = first.rfind('/');
    std::string name = first.substr(slash + 1);
    const size_t dot = name.rfind('.');
    name = contains(profile_file_names(), name) ? "sandbox" : name.substr(0, dot);
    return first.substr(0, slash + 1) + name + ".lock";
}

std::map<std::string, std::string> load_image_lock(const std::string& path,
                                                   const std::string& shown) {
    std::map<std::string, std::string> digests;
    std::optional<std::string> text = base::try_read_file_at(AT_FDCWD, path, kMaxFileBytes);
    if (!text) return digests;
    Documents documents;
    const std::uint32_t file = documents.add(shown, std::move(*text));
    const Node root = documents.parse_toml(file);
    const Node* version = root.find("version");
    const auto* number = version == nullptr ? nullptr : std::get_if<std::int64_t>(&version->value);
    if (number == nullptr || *number != kVersion) {
        documents.fail(version == nullptr ? Place{file, 0, 0} : version->at,
                       "not a lock of version 1", "a newer sandbox may have written it");
    }
    for (const Member& member : *root.table()) {
        if (member.key == "version") continue;
        if (member.key != "images") {
            documents.fail(member.key_at, "unknown key " + base::quote(member.key),
                           "a lock has \"version\" and \"images\"");
        }
        read_images(documents, member.node, digests);
    }
    return digests;
}

void save_image_lock(const std::string& path, const std::map<std::string, std::string>& digests) {
    std::string text = std::string(kHead) + "version = 1\n\n[images]\n";
    for (const auto& [image, digest] : digests) {
        text += toml_string(image) + " = " + toml_string(digest) + "\n";
    }
    const size_t slash = path.rfind('/');
    const base::UniqueFd parent =
        base::open_at(AT_FDCWD, path.substr(0, slash + 1), O_RDONLY | O_DIRECTORY);
    base::write_file_atomic(parent.get(), path.substr(slash + 1), text, 0644,
                            base::Durability::synced);
}

bool is_lockable(const std::string& image) {
    constexpr std::string_view kId = "sha256:";
    if (image.empty()) return false;  // a service that cannot be made
    if (image.starts_with(kId) || (image.size() == 64 && oci::looks_like_id(image))) return false;
    const oci::ImageSource source = oci::ImageSource::parse(image);
    return source.kind == oci::ImageSource::Kind::registry && !image.starts_with("docker://") &&
           !source.reference->digest();
}

std::vector<std::string> unlocked_images(const Project& project) {
    std::vector<std::string> images;
    for (const Service& service : project.services) {
        const std::string& image = service.request.image;
        if (is_lockable(image) && project.image_lock.count(image) == 0 &&
            !contains(images, image)) {
            images.push_back(image);
        }
    }
    return images;
}

void apply_image_lock(const store::Store& store, Project& project) {
    std::map<std::string, std::string> names;
    for (Service& service : project.services) {
        const std::string& image = service.request.image;
        const auto found = project.image_lock.find(image);
        if (found == project.image_lock.end()) continue;
        std::string& name = names[image];
        if (name.empty()) name = locked_name(store, image, found->second);
        service.locked_image = name;
    }
}

std::vector<LockChange> plan_image_lock(const store::Store& store, const Project& project,
                                        const LockWish& wish) {
    std::vector<LockChange> changes;
    std::map<std::string, bool> seen;  // and: asked for now
    for (const Service& service : project.services) {
        const std::string& image = service.request.image;
        if (!is_lockable(image)) continue;
        const bool wanted = wish.services.empty() || contains(wish.services, service.name);
        seen[image] = seen[image] || wanted;
    }
    for (const auto& entry : seen) {
        const std::string& image = entry.first;
        const bool wanted = entry.second;
        const auto found = project.image_lock.find(image);
        LockChange change;
        change.image = image;
        if (found != project.image_lock.end()) change.before = found->second;
        change.after = change.before;
        if (wanted && (wish.renew || change.before.empty())) {
            change.after = base::with_context("image " + base::quote(image), [&] {
                return current_digest(store, image, wish.renew).str();
            });
        }
        if (!change.before.empty() || !change.after.empty()) changes.push_back(std::move(change));
    }
    for (const auto& [image, digest] : project.image_lock) {
        if (seen.count(image) == 0) changes.push_back({image, digest, {}});
    }
    return changes;
}

}  // namespace sandbox::project
