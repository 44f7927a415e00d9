#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <set>

#include "marks.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/store/layer_store.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::image {
namespace {

using Sizes = std::map<std::string, std::uint64_t>;

std::uint64_t own_blocks(int fd, const char* name) {
    struct stat info {};
    if (::fstatat(fd, name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        throw base::SysError(errno, "look at", name);
    }
    return static_cast<std::uint64_t>(info.st_blocks) * 512;
}

// The directory's own blocks and all that is in it.
struct Measured {
    Sizes entries;
    std::uint64_t total = 0;
};

Measured measure_dir(int dir_fd) {
    Measured measured;
    measured.entries = measure_all(dir_fd, base::list_dir(dir_fd));
    measured.total = own_blocks(dir_fd, ".");
    for (const auto& [name, bytes] : measured.entries) measured.total += bytes;
    return measured;
}

// What only unused images hold.
std::uint64_t reclaimable_image_bytes(const Marks& marks, const Sizes& layers, const Sizes& blobs) {
    std::set<std::string> needed;
    for (const store::ContainerEntry& entry : marks.containers) {
        for (std::string& layer : entry.record["layers"].strings()) {
            needed.insert(std::move(layer));
        }
    }
    for (const store::ImageRecord& record : marks.images) {
        if (users_of(marks, record.id).empty()) continue;
        needed.insert({record.id.hex(), record.manifest.hex()});
        if (record.index) needed.insert(record.index->hex());
        for (const oci::Digest& blob : record.layer_blobs) needed.insert(blob.hex());
        for (const oci::ChainId& chain : record.chains) {
            needed.insert(store::LayerStore::name(chain, store::LayerMode::range));
            needed.insert(store::LayerStore::name(chain, store::LayerMode::single));
        }
    }
    std::uint64_t bytes = 0;
    for (const Sizes* sizes : {&layers, &blobs}) {
        for (const auto& [name, size] : *sizes) bytes += needed.count(name) == 0 ? size : 0;
    }
    return bytes;
}

UsageRow image_row(const store::Store& store, const Marks& marks) {
    std::set<oci::Digest> ids;
    std::set<oci::Digest> used;
    for (const store::ImageRecord& record : marks.images) {
        ids.insert(record.id);
        if (!users_of(marks, record.id).empty()) used.insert(record.id);
    }
    const Measured layers = measure_dir(store.layers_fd());
    const Measured blobs = measure_dir(store.blobs_fd());
    UsageRow row{.type = "Images", .total = ids.size(), .active = used.size()};
    row.size_bytes = layers.total + blobs.total + measure_dir(store.images_fd()).total;
    row.reclaimable_bytes = reclaimable_image_bytes(marks, layers.entries, blobs.entries);
    return row;
}

UsageRow container_row(const store::Store& store, const Marks& marks) {
    const Measured measured = measure_dir(store.containers_fd());
    UsageRow row{.type = "Containers", .total = marks.containers.size()};
    row.size_bytes = measured.total;
    for (const store::ContainerEntry& entry : marks.containers) {
        const auto size = measured.entries.find(entry.id);
        if (entry.live) {
            ++row.active;
        } else if (size != measured.entries.end()) {
            row.reclaimable_bytes += size->second;
        }
    }
    return row;
}

UsageRow volume_row(const store::Store& store, const Marks& marks) {
    const Measured measured = measure_dir(store.volumes_fd());
    UsageRow row{.type = "Local Volumes"};
    row.size_bytes = measured.total;
    for (const store::VolumeRecord& volume : store::VolumeStore(store).list()) {
        ++row.total;
        const auto size = measured.entries.find(volume.name);
        if (marks.volumes.count(volume.name) != 0) {
            ++row.active;
        } else if (size != measured.entries.end()) {
            row.reclaimable_bytes += size->second;
        }
    }
    return row;
}

UsageRow partial_row(const store::Store& store) {
    const Measured measured = measure_dir(store.partial_fd());
    UsageRow row{.type = "Partial Downloads", .total = measured.entries.size()};
    row.size_bytes = measured.total;
    for (const auto& [name, bytes] : measured.entries) {
        if (base::FileLock::is_held(store.partial_fd(), name)) {
            ++row.active;
        } else {
            row.reclaimable_bytes += bytes;
        }
    }
    return row;
}

// The cache, and what is nobody's: locks, the version, the store's own directory.
UsageRow cache_row(const store::Store& store) {
    constexpr std::array<std::string_view, 5> kOthers = {"blobs", "layers", "images", "containers",
                                                         "volumes"};
    const Measured cache = measure_dir(store.cache_fd());
    UsageRow row{.type = "Cache", .total = cache.entries.size()};
    row.size_bytes = own_blocks(store.root_fd(), ".") + own_blocks(store.root_fd(), "blobs");
    std::vector<std::string> names;
    for (std::string& name : base::list_dir(store.root_fd())) {
        bool other = false;
        for (const std::string_view known : kOthers) other = other || name == known;
        if (!other) names.push_back(std::move(name));
    }
    for (const auto& [name, bytes] : measure_all(store.root_fd(), names)) row.size_bytes += bytes;
    for (const auto& [name, bytes] : cache.entries) row.reclaimable_bytes += bytes;
    return row;
}

}  // namespace

std::vector<UsageRow> disk_usage(const store::Store& store) {
    remove_leftovers(store);
    const Marks marks = mark(store);
    return {image_row(store, marks), container_row(store, marks), volume_row(store, marks),
            partial_row(store), cache_row(store)};
}

std::map<std::string, std::uint64_t> measure_containers(const store::Store& store,
                                                        const std::vector<std::string>& ids) {
    std::vector<std::string> names;
    for (const std::string& id : ids) {
        const std::string name = id + "/upper";
        if (base::exists_at(store.containers_fd(), name)) names.push_back(name);
    }
    std::map<std::string, std::uint64_t> sizes;
    for (const auto& [name, bytes] : measure_all(store.containers_fd(), names)) {
        sizes.emplace(name.substr(0, name.find('/')), bytes);
    }
    return sizes;
}

}  // namespace sandbox::image
