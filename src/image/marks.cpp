#include "marks.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/store/blob_store.hpp"
#include "sandbox/store/claims.hpp"
#include "sandbox/store/layer_store.hpp"

namespace sandbox::image {
namespace {

using store::LayerMode;
using store::LayerStore;

void mark_image(Marks& marks, const store::ImageRecord& record) {
    marks.blobs.insert({record.id, record.manifest});
    if (record.index) marks.blobs.insert(*record.index);
    marks.blobs.insert(record.layer_blobs.begin(), record.layer_blobs.end());
    for (const oci::ChainId& chain : record.chains) {
        marks.layers.insert(LayerStore::name(chain, LayerMode::range));
        marks.layers.insert(LayerStore::name(chain, LayerMode::single));
    }
}

void mark_container(Marks& marks, const store::ContainerEntry& entry) {
    if (entry.record.as_object() == nullptr) {
        marks.damaged.push_back("container " + entry.id.substr(0, 12));
        return;
    }
    for (std::string& layer : entry.record["layers"].strings()) {
        marks.layers.insert(std::move(layer));
    }
    for (std::string& volume : entry.record["volumes"].strings()) {
        marks.volumes.insert(std::move(volume));
    }
    try {  // its config is shown by `inspect`
        marks.blobs.insert(oci::Digest::parse(entry.record.string_or("image_id")));
    } catch (const base::IntegrityError& error) {
        base::log::debug("container " + entry.id + ": " + error.what());
    }
}

// One number a name, in memory that a child of ours writes.
class SharedNumbers {
  public:
    explicit SharedNumbers(size_t count)
        : bytes_(std::max<size_t>(count, 1) * sizeof(std::uint64_t)) {
        void* const memory =
            ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw base::SysError(errno, "map memory");
        numbers_ = static_cast<std::uint64_t*>(memory);
    }
    SharedNumbers(const SharedNumbers&) = delete;
    SharedNumbers& operator=(const SharedNumbers&) = delete;
    ~SharedNumbers() { (void)::munmap(numbers_, bytes_); }
    std::uint64_t& operator[](size_t i) noexcept { return numbers_[i]; }

  private:
    size_t bytes_;
    std::uint64_t* numbers_ = nullptr;
};

}  // namespace

Marks mark(const store::Store& store) {
    Marks marks;
    const store::ImageStore images(store);
    for (const std::string& name : images.list_damaged()) {
        marks.damaged.push_back("image record \"" + name + "\"");
    }
    marks.images = images.list();
    for (const store::ImageRecord& record : marks.images) mark_image(marks, record);
    marks.containers = store::ContainerStore(store).list();
    for (const store::ContainerEntry& entry : marks.containers) mark_container(marks, entry);
    store::Claimed claimed = store::read_claims(store);
    for (oci::Digest& blob : claimed.blobs) marks.blobs.insert(std::move(blob));
    for (std::string& layer : claimed.layers) marks.layers.insert(std::move(layer));
    return marks;
}

std::vector<const store::ContainerEntry*> users_of(const Marks& marks, const oci::Digest& id) {
    std::vector<const store::ContainerEntry*> users;
    const std::string wanted = id.str();
    for (const store::ContainerEntry& entry : marks.containers) {
        if (entry.record.string_or("image_id") == wanted) users.push_back(&entry);
    }
    return users;
}

std::uint64_t sweep_locked(const store::Store& store) {
    const Marks marks = mark(store);
    if (!marks.damaged.empty()) {
        base::log::warning("nothing is swept: " + marks.damaged.front() +
                           " is damaged (`sandbox system check --repair`)");
        return 0;
    }
    std::uint64_t freed = 0;
    const store::LayerStore layers(store);
    std::vector<std::string> doomed;
    for (std::string& name : layers.list()) {
        if (marks.layers.count(name) == 0) doomed.push_back(std::move(name));
    }
    for (const auto& [name, bytes] : measure_all(store.layers_fd(), doomed)) {
        layers.remove(name);
        freed += bytes;
    }
    const store::BlobStore blobs(store);
    for (const oci::Digest& digest : blobs.list()) {
        if (marks.blobs.count(digest) != 0) continue;
        freed += base::measure_tree_at(store.blobs_fd(), digest.hex()).allocated_bytes;
        blobs.remove(digest);
    }
    return freed;
}

std::map<std::string, std::uint64_t> measure_all(int dir_fd,
                                                 const std::vector<std::string>& names) {
    std::map<std::string, std::uint64_t> sizes;
    if (names.empty()) return sizes;
    SharedNumbers numbers(names.size());
    const auto measure_each = [&] {
        for (size_t i = 0; i < names.size(); ++i) {
            numbers[i] = base::measure_tree_at(dir_fd, names[i]).allocated_bytes;
        }
        return 0;
    };
    const kernel::IdMap ids = kernel::host_id_map();
    // Root sees all, and the store's directories are closed to the ids of its containers.
    if (ids.mode == kernel::IdMode::range && ::geteuid() != 0) {
        (void)kernel::run_as_owner(ids, measure_each);
    } else {
        (void)measure_each();
    }
    for (size_t i = 0; i < names.size(); ++i) sizes.emplace(names[i], numbers[i]);
    return sizes;
}

std::uint64_t measure(int dir_fd, const std::string& name) {
    return measure_all(dir_fd, {name}).at(name);
}

std::uint64_t sweep(const store::Store& store) {
    const base::FileLock lock = store.lock(base::LockMode::exclusive);
    return sweep_locked(store);
}

}  // namespace sandbox::image
