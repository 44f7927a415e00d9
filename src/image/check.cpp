// Reads everything that the store promises to have: blobs against their names, records against what
// they refer to, unpacked layers against the blobs that they came from.
#include <fcntl.h>

#include <optional>
#include <utility>

#include "marks.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/sha256.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/image/pull.hpp"
#include "sandbox/image/remove.hpp"
#include "sandbox/image/unpack.hpp"
#include "sandbox/store/blob_store.hpp"
#include "sandbox/store/layer_store.hpp"

namespace sandbox::image {
namespace {

using base::Error;
using base::UniqueFd;

constexpr size_t kMaxLinesPerLayer = 20;

class Checker {
  public:
    Checker(const store::Store& store, bool repair)
        : store_(store), blobs_(store), layers_(store), images_(store), repair_(repair) {}

    std::vector<Damage> run() {
        for (const oci::Digest& digest : blobs_.list()) check_blob(digest);
        for (const std::string& name : images_.list_damaged()) {
            add("image record \"" + name + "\"", "cannot be read");
            if (repair_) images_.remove_damaged(name);
        }
        for (const store::ImageRecord& record : images_.list()) check_image(record);
        for (const std::string& name : layers_.list()) check_layer(name);
        for (const store::ContainerEntry& entry : store::ContainerStore(store_).list()) {
            check_container(entry);
        }
        return std::move(damages_);
    }

  private:
    void add(std::string object, std::string what) {
        damages_.push_back({std::move(object), std::move(what)});
    }

    void check_blob(const oci::Digest& digest) {
        const std::optional<UniqueFd> fd = blobs_.try_open(digest);
        if (!fd) return;  // removed meanwhile
        std::string why;
        try {
            const std::string actual = base::sha256_hex_of_fd(fd->get());
            if (actual == digest.hex()) return;
            why = "its content has the digest sha256:" + actual;
        } catch (const Error& error) {
            why = error.message();
        }
        add("blob " + digest.str(), why);
        if (repair_) blobs_.remove(digest);
    }

    void check_image(const store::ImageRecord& record) {
        const std::string object =
            "image " + (record.reference ? record.reference->str() : record.id.str());
        const auto miss = [&](const oci::Digest& digest, const char* what) {
            if (!blobs_.exists(digest))
                add(object, std::string(what) + " " + digest.str() + " is missing");
        };
        miss(record.manifest, "manifest");
        miss(record.id, "config");
        for (const oci::Digest& blob : record.layer_blobs) miss(blob, "layer blob");
        for (const oci::ChainId& chain : record.chains) {
            if (layers_.exists(chain, store::LayerMode::range) ||
                layers_.exists(chain, store::LayerMode::single)) {
                continue;
            }
            add(object, "layer " + chain.digest.str() + " is missing");
        }
    }

    void check_layer(const std::string& name) {
        const std::string object = "layer " + name;
        std::vector<std::string> lines;
        try {
            lines = compare_layer(name);
        } catch (const Error& error) {
            lines.push_back(error.message());
        }
        const size_t count = lines.size();
        if (count > kMaxLinesPerLayer) lines.resize(kMaxLinesPerLayer);
        for (std::string& line : lines) add(object, std::move(line));
        if (count > kMaxLinesPerLayer) {
            add(object, "and " + std::to_string(count - kMaxLinesPerLayer) + " more differences");
        }
        if (count > 0 && repair_ && !is_unknowable_) layers_.remove(name);
    }

    std::vector<std::string> compare_layer(const std::string& name) {
        is_unknowable_ = false;
        const size_t dash = name.find('-');
        const bool range = name.substr(0, dash) == store::name_of(store::LayerMode::range);
        const store::LayerMode mode = range ? store::LayerMode::range : store::LayerMode::single;
        const oci::ChainId chain{oci::Digest::from_hex(name.substr(dash + 1))};
        if (store::LayerStore::name(chain, mode) != name) {
            throw base::IntegrityError("no layer has such a name");
        }
        const std::optional<store::LayerMeta> meta = layers_.try_load(chain, mode);
        if (!meta) throw base::IntegrityError("\"meta.json\" is missing");
        const kernel::IdMap host = kernel::host_id_map();
        if (range && host.mode != kernel::IdMode::range) {
            is_unknowable_ = true;
            throw Error("cannot be read without the subordinate id range it was unpacked with");
        }
        const std::optional<UniqueFd> blob = blobs_.try_open(meta->blob);
        if (!blob) {
            is_unknowable_ = true;
            throw Error("cannot be compared: its blob " + meta->blob.str() + " is missing");
        }
        const std::optional<UniqueFd> fs = base::try_open_at(store_.layers_fd(), name + "/fs",
                                                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!fs) throw base::IntegrityError("\"fs\" is missing");
        const kernel::IdMap ids =
            range ? host : kernel::single_id_map(kernel::ContainerId{0}, kernel::ContainerId{0});
        return compare_with_blob(fs->get(), blob->get(), ids);
    }

    void check_container(const store::ContainerEntry& entry) {
        const std::string object = "container " + base::quote(entry.name);
        if (entry.record.as_object() == nullptr) {
            add(object, "its record cannot be read");
            if (repair_) remove_container(entry);
            return;
        }
        for (const std::string& layer : entry.record["layers"].strings()) {
            if (!base::exists_at(store_.layers_fd(), layer)) {
                add(object, "layer " + layer + " is missing");
            }
        }
    }

    void remove_container(const store::ContainerEntry& entry) {
        const store::ContainerStore containers(store_);
        std::optional<store::OwnedContainer> owned = containers.try_own(entry.id);
        if (owned) containers.remove(std::move(*owned));
    }

    const store::Store& store_;
    store::BlobStore blobs_;
    store::LayerStore layers_;
    store::ImageStore images_;
    bool repair_;
    bool is_unknowable_ = false;  // not damaged as far as one can tell: kept
    std::vector<Damage> damages_;
};

}  // namespace

std::vector<Damage> check(const store::Store& store, bool repair) {
    const base::FileLock lock =
        store.lock(repair ? base::LockMode::exclusive : base::LockMode::shared);
    remove_leftovers(store);
    return Checker(store, repair).run();
}

}  // namespace sandbox::image
