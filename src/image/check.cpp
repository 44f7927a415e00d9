// Reads everything that the store promises to have: blobs against their names, records against what
// they refer to, unpacked layers against blobs that unpack to them.
// What is wrong with an object is damage (an IntegrityError, or what a comparison found). Any other
// error is the check's own – no memory, no process, no rights – and says nothing about the object:
// it is warned of, and the object stays.
#include <fcntl.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "marks.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
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
        find_users();
        for (const oci::Digest& digest : blobs_.list()) check_blob(digest);
        for (const std::string& name : images_.list_damaged()) check_record(name);
        records_ = images_.list();
        for (const store::ImageRecord& record : records_) check_image(record);
        for (const std::string& name : layers_.list()) check_layer(name);
        for (const store::ContainerEntry& entry : store::ContainerStore(store_).list()) {
            check_container(entry);
        }
        return std::move(damages_);
    }
    [[nodiscard]] size_t unchecked() const noexcept { return unchecked_; }

  private:
    void add(std::string object, std::string what) {
        damages_.push_back({std::move(object), std::move(what)});
    }

    // `look` answers whether the object is whole, and has said what is wrong with it.
    template <typename F>
    bool is_whole(const std::string& object, F&& look) {
        try {
            return look();
        } catch (const base::IntegrityError& error) {
            add(object, error.message());
            return false;
        } catch (const Error& error) {
            ++unchecked_;
            base::log::warning(object + " could not be checked: " + error.message());
            return true;  // as far as one can tell
        }
    }

    void find_users() {
        for (const store::ContainerEntry& entry : store::ContainerStore(store_).list()) {
            if (!entry.live) continue;
            for (std::string& layer : entry.record["layers"].strings()) {
                users_.emplace(std::move(layer), entry.name);
            }
        }
    }

    void check_blob(const oci::Digest& digest) {
        const bool whole = is_whole("blob " + digest.str(), [&] {
            const std::optional<UniqueFd> fd = blobs_.try_open(digest);
            if (!fd) return true;  // removed meanwhile
            const std::string actual = base::sha256_hex_of_fd(fd->get());
            if (actual == digest.hex()) return true;
            throw base::IntegrityError("its content has the digest sha256:" + actual);
        });
        if (whole) return;
        bad_blobs_.insert(digest);
        if (repair_) blobs_.remove(digest);
    }

    void check_record(const std::string& name) {
        const bool whole = is_whole("image record \"" + name + "\"", [&] {
            images_.check_record(name);
            return true;
        });
        if (!whole && repair_) images_.remove_damaged(name);
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
        const bool whole = is_whole(object, [&] {
            std::vector<std::string> lines = compare_layer(name);
            const size_t count = lines.size();
            if (count > kMaxLinesPerLayer) lines.resize(kMaxLinesPerLayer);
            for (std::string& line : lines) add(object, std::move(line));
            if (count > kMaxLinesPerLayer) {
                add(object,
                    "and " + std::to_string(count - kMaxLinesPerLayer) + " more differences");
            }
            return count == 0;
        });
        if (whole || !repair_) return;
        if (const auto user = users_.find(name); user != users_.end()) {
            add(object, "kept, since container " + base::quote(user->second) +
                            " runs on it: stop it, then repair again");
            return;
        }
        layers_.remove(name);
    }

    std::vector<std::string> compare_layer(const std::string& name) {
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
            throw Error("it needs the subordinate id range that it was unpacked with");
        }
        const UniqueFd blob = open_blob_of(*meta);
        const std::optional<UniqueFd> fs = base::try_open_at(store_.layers_fd(), name + "/fs",
                                                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (!fs) throw base::IntegrityError("\"fs\" is missing");
        const kernel::IdMap ids =
            range ? host : kernel::single_id_map(kernel::ContainerId{0}, kernel::ContainerId{0});
        return compare_with_blob(fs->get(), blob.get(), ids);
    }

    // A layer knows the blob that it was unpacked from. Another image may have the same layer by
    // another blob (packed otherwise, or not at all), and is what keeps the layer when the first
    // image goes, and its blob with it.
    UniqueFd open_blob_of(const store::LayerMeta& meta) {
        std::vector<oci::Digest> candidates{meta.blob};
        for (const store::ImageRecord& record : records_) {
            const size_t count = std::min(record.chains.size(), record.layer_blobs.size());
            for (size_t i = 0; i < count; ++i) {
                if (record.chains[i] == meta.chain) candidates.push_back(record.layer_blobs[i]);
            }
        }
        for (const oci::Digest& blob : candidates) {
            if (bad_blobs_.count(blob) != 0) continue;
            if (std::optional<UniqueFd> fd = blobs_.try_open(blob)) return std::move(*fd);
        }
        throw Error("its blob " + meta.blob.str() + " is not there to compare it with");
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
    std::map<std::string, std::string> users_;  // layer → name of a container that runs on it
    std::set<oci::Digest> bad_blobs_;
    std::vector<store::ImageRecord> records_;
    size_t unchecked_ = 0;
    std::vector<Damage> damages_;
};

}  // namespace

std::vector<Damage> check(const store::Store& store, bool repair) {
    const base::FileLock lock =
        store.lock(repair ? base::LockMode::exclusive : base::LockMode::shared);
    remove_leftovers(store);
    Checker checker(store, repair);
    std::vector<Damage> damages = checker.run();
    if (damages.empty() && checker.unchecked() > 0) {
        const bool one = checker.unchecked() == 1;
        throw Error(std::to_string(checker.unchecked()) + (one ? " object" : " objects") +
                        " of the store could not be checked",
                    "no damage was found, and nothing was removed; the warnings say what hinders",
                    1);
    }
    return damages;
}

}  // namespace sandbox::image
