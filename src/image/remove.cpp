#include "sandbox/image/remove.hpp"

#include <algorithm>
#include <utility>

#include "marks.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::image {
namespace {

// Absent: somebody has it, or (`gone`) has removed it since it was listed.
std::optional<store::OwnedContainer> try_take(const store::ContainerStore& containers,
                                              const std::string& id, bool* gone = nullptr) {
    try {
        return containers.try_own(id);
    } catch (const base::NotFoundError&) {
        if (gone != nullptr) *gone = true;
        return std::nullopt;
    }
}

constexpr int kInUse = 2;  // docker and podman: 1 no such image, 2 in use

// Did the user type this very reference, or an id or a digest of the image?
bool names_reference(const store::ImageRecord& record, const std::string& typed) {
    if (!record.reference) return false;
    try {
        const oci::Reference reference = oci::Reference::parse(typed);
        return reference.digest() ? reference.with_digest(*reference.digest()) == *record.reference
                                  : reference == *record.reference;
    } catch (const base::UsageError&) {
        return false;
    }
}

// As docker: a repository's digests are no names of their own beside its tag.
bool is_single(const std::vector<oci::Reference>& names) {
    const auto tags = std::count_if(names.begin(), names.end(),
                                    [](const oci::Reference& name) { return !name.digest(); });
    return names.empty() ||
           (tags <= 1 && std::all_of(names.begin(), names.end(), [&](const oci::Reference& name) {
                return name.name() == names.front().name();
            }));
}

// `removed`, and with a repository's last tag the digests of that repository, as docker.
std::vector<oci::Reference> going_with(const oci::Reference& removed,
                                       const std::vector<oci::Reference>& names) {
    std::vector<oci::Reference> going{removed};
    std::vector<oci::Reference> digests;
    for (const oci::Reference& name : names) {
        if (name == removed || name.name() != removed.name()) continue;
        if (!name.digest()) return going;
        digests.push_back(name);
    }
    if (!removed.digest()) going.insert(going.end(), digests.begin(), digests.end());
    return going;
}

bool keeps(const store::ContainerEntry& entry) {
    const bool* const keep = entry.record["keep"].as_bool();
    return keep == nullptr || *keep;
}

class Remover {
  public:
    Remover(const store::Store& store, bool force) : store_(store), images_(store), force_(force) {}

    void remove(const std::string& typed) {
        const std::optional<store::ImageRecord> record = images_.try_find(typed);
        if (!record) {
            throw base::NotFoundError("no such image: " + base::quote(typed),
                                      "`sandbox images` lists what is there");
        }
        const std::vector<oci::Reference> names = names_of(record->id);
        const bool by_name = names_reference(*record, typed);
        if (by_name) {
            const std::vector<oci::Reference> going = going_with(*record->reference, names);
            if (going.size() < names.size()) {
                for (const oci::Reference& name : going) images_.remove_reference(name);
                return note_untagged(going);
            }
        }
        if (!by_name && !is_single(names) && !force_) {
            std::vector<std::string> texts;
            for (const oci::Reference& name : names) texts.push_back(name.str());
            throw base::Error(
                "image " + base::quote(typed) + " has several names: " + base::join(texts, ", "),
                "name one of them, or remove all with --force", kInUse);
        }
        free_from_containers(record->id, typed);
        images_.remove_records_of(record->id);
        note_untagged(names);
        removed_.deleted.push_back(record->id.str());
    }

    RemovedImage take() { return std::move(removed_); }

  private:
    std::vector<oci::Reference> names_of(const oci::Digest& id) const {
        std::vector<oci::Reference> names;
        for (const store::ImageRecord& record : images_.list()) {
            if (record.id == id && record.reference) names.push_back(*record.reference);
        }
        return names;
    }

    void note_untagged(const std::vector<oci::Reference>& names) {
        for (const oci::Reference& name : names) removed_.untagged.push_back(name.str());
    }

    // What a killed supervisor left of one-shot containers goes without asking.
    void free_from_containers(const oci::Digest& id, const std::string& typed) {
        const store::ContainerStore containers(store_);
        const Marks marks = mark(store_);
        std::vector<const store::ContainerEntry*> doomed;
        for (const store::ContainerEntry* user : users_of(marks, id)) {
            const bool removable = !user->live && (force_ || !keeps(*user));
            if (!removable) {
                throw base::Error("image " + base::quote(typed) + " is in use by container " +
                                      base::quote(user->name),
                                  user->live ? "stop and remove the container first"
                                             : "remove the container, or use --force",
                                  kInUse);
            }
            doomed.push_back(user);
        }
        for (const store::ContainerEntry* user : doomed) {
            bool gone = false;
            std::optional<store::OwnedContainer> owned = try_take(containers, user->id, &gone);
            if (gone) continue;
            if (!owned) {
                throw base::Error("image " + base::quote(typed) + " is in use by container " +
                                      base::quote(user->name),
                                  "stop and remove the container first", kInUse);
            }
            containers.remove(std::move(*owned), &user->record);
        }
    }

    const store::Store& store_;
    store::ImageStore images_;
    bool force_;
    RemovedImage removed_;
};

class Pruner {
  public:
    Pruner(const store::Store& store, const PruneOptions& options)
        : store_(store), options_(options) {}

    PruneReport run() {
        if (options_.containers) prune_containers();
        prune_images();
        if (options_.volumes) prune_volumes();
        if (!options_.wants) prune_partials();
        report_.reclaimed_bytes += sweep_locked(store_);
        return std::move(report_);
    }

  private:
    [[nodiscard]] bool wants(const PruneOptions::Labels& labels, std::int64_t created) const {
        return !options_.wants || options_.wants(labels, created);
    }
    [[nodiscard]] bool wants(const base::json::Value& record) const {
        if (!options_.wants) return true;
        PruneOptions::Labels labels;
        if (const base::json::Object* object = record["labels"].as_object()) {
            for (const auto& [key, value] : *object) {
                if (const std::string* text = value.as_string()) labels[key] = *text;
            }
        }
        return options_.wants(labels, record["created"].try_i64().value_or(0));
    }

    void prune_containers() {
        const store::ContainerStore containers(store_);
        for (const store::ContainerEntry& entry : containers.list()) {
            if (entry.live || !wants(entry.record)) continue;
            std::optional<store::OwnedContainer> owned = try_take(containers, entry.id);
            if (!owned) continue;
            report_.reclaimed_bytes += measure(store_.containers_fd(), entry.id);
            containers.remove(std::move(*owned));
            report_.removed.push_back("container " + entry.id);
        }
        for (const std::string& id : base::list_dir(store_.containers_fd())) {
            (void)containers.remove_if_unfinished(id);
        }
        containers.free_stale_names();
    }

    void prune_images() {
        const store::ImageStore images(store_);
        const Marks marks = mark(store_);
        for (const store::ImageRecord& record : marks.images) {
            if (record.reference && !options_.all_images) continue;
            if (!wants(record.labels, record.created)) continue;
            if (!users_of(marks, record.id).empty()) continue;
            if (!images.try_find("sha256:" + record.id.hex())) continue;  // went with another name
            if (record.reference) report_.removed.push_back("untagged " + record.reference->str());
            if (std::any_of(done_.begin(), done_.end(),
                            [&](const oci::Digest& id) { return id == record.id; })) {
                continue;
            }
            done_.push_back(record.id);
            report_.removed.push_back("image " + record.id.str());
        }
        for (const oci::Digest& id : done_) images.remove_records_of(id);
    }

    void prune_volumes() {
        const store::VolumeStore volumes(store_);
        const Marks marks = mark(store_);
        if (!marks.damaged.empty()) return;  // who uses what is not known
        for (const store::VolumeRecord& volume : volumes.list()) {
            if (!volume.anonymous || marks.volumes.count(volume.name) != 0) continue;
            if (!wants(volume.labels, volume.created)) continue;
            report_.reclaimed_bytes += measure(store_.volumes_fd(), volume.name);
            volumes.remove(volume.name);
            report_.removed.push_back("volume " + volume.name);
        }
    }

    // Whoever downloads now holds his partial blob's lock.
    void prune_partials() {
        for (const std::string& name : base::list_dir(store_.partial_fd())) {
            const auto lock =
                base::FileLock::try_acquire(store_.partial_fd(), name, base::LockMode::exclusive);
            if (!lock) continue;
            report_.reclaimed_bytes +=
                base::measure_tree_at(store_.partial_fd(), name).allocated_bytes;
            base::unlink_at(store_.partial_fd(), name, true);
            report_.removed.push_back("partial download sha256:" + name);
        }
    }

    const store::Store& store_;
    const PruneOptions& options_;
    std::vector<oci::Digest> done_;
    PruneReport report_;
};

}  // namespace

RemovedImage remove_images(const store::Store& store, const std::vector<std::string>& names,
                           bool force) {
    const base::FileLock lock = store.lock(base::LockMode::exclusive);
    remove_leftovers(store);
    Remover remover(store, force);
    try {
        for (const std::string& name : names) remover.remove(name);
    } catch (const base::Error&) {
        (void)sweep_locked(store);  // what went before the one that failed
        throw;
    }
    (void)sweep_locked(store);
    return remover.take();
}

PruneReport prune(const store::Store& store, const PruneOptions& options) {
    const base::FileLock lock = store.lock(base::LockMode::exclusive);
    remove_leftovers(store);
    return Pruner(store, options).run();
}

}  // namespace sandbox::image
