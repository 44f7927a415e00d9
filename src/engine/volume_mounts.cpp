#include "engine/volume_mounts.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "engine/container_record.hpp"
#include "engine/flags/flag_error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/base/strings.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/store/container_store.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::engine {
namespace {

constexpr const char* kSeedLock = "seed.lock";  // beside the volume's data
constexpr const char* kSeedMark = "seeding";    // there while the image's content is copied in

bool is_empty_volume(const store::Store& store, const std::string& name) {
    const base::UniqueFd data =
        base::open_at(store.volumes_fd(), name + "/data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return base::list_dir(data.get()).empty();
}

// A copy that was killed halfway is thrown away: nobody has used the volume yet.
void discard_half_seed(int volume_fd) {
    if (!base::exists_at(volume_fd, kSeedMark)) return;
    kernel::remove_tree(volume_fd, "data");
    base::make_dir_at(volume_fd, "data", 0755);
    const int rc = base::raw::fchmodat(volume_fd, "data", 0755);
    if (rc < 0) throw base::SysError(-rc, "set mode of a volume");
}

// docker's way: a host path given by -v is made when missing, which is said aloud; one given by
// --mount must be there.
void prepare_bind_source(const MountWish& wish) {
    const std::string& source = wish.spec.source;
    // A record does not say how it was typed.
    const bool is_saved = wish.typed == wish.spec.target;
    if (::access(source.c_str(), F_OK) == 0) return;
    const int error = errno;
    if (error != ENOENT) {
        throw_usage("host path " + base::quote(source) + ": " + base::errno_text(error));
    }
    if (!wish.spec.create_source) {
        throw_usage("bind source path does not exist: " + base::quote(source),
                    is_saved
                        ? "it was removed since the container was made: make it again"
                        : "no such file or directory: make it first, or use -v, which makes it");
    }
    try {
        base::make_dirs(source, 0755);
    } catch (const base::SysError& failure) {
        throw_usage("host path " + base::quote(source) +
                        " does not exist and cannot be made: " + base::errno_text(failure.errnum()),
                    is_saved ? "make it by hand, or remove the container"
                             : "check the part before the colon of -v " + wish.typed);
    }
    base::log::notice("made the directory " + base::quote(source) + " for a bind mount");
}

}  // namespace

VolumeMounts::~VolumeMounts() {
    remove_anonymous();
}

void VolumeMounts::remove_anonymous() noexcept {
    const store::VolumeStore volumes(store_);
    for (const std::string& name : anonymous_) {
        try {
            volumes.remove(name);
        } catch (const base::Error& error) {
            base::log::debug("anonymous volume stays: " + error.message());
        }
    }
    anonymous_.clear();
}

void VolumeMounts::resolve_volume(const MountWish& wish, MountSpec& spec) {
    const store::VolumeStore volumes(store_);
    store::VolumeRecord record;
    record.name = spec.volume_name;
    record.labels = wish.volume_labels;
    record.anonymous = spec.volume_name.empty() || spec.anonymous;
    const bool is_ours = spec.volume_name.empty() || std::find(planned_.begin(), planned_.end(),
                                                               spec.volume_name) != planned_.end();
    record = volumes.create(record);
    if (is_ours) anonymous_.push_back(record.name);
    spec.volume_name = record.name;
    spec.source = volumes.data_path(record.name);
    add_name(record.name);
    if (!spec.seed) return;
    spec.seed = !record.seeded;
    if (!spec.seed) return;
    if (!record.anonymous) {
        const base::UniqueFd dir =
            base::open_at(store_.volumes_fd(), record.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        locks_.push_back(base::FileLock::acquire(
            dir.get(), kSeedLock, base::LockMode::exclusive,
            "waiting for another container to fill volume " + base::quote(record.name)));
        // The one we waited for may have done it; or somebody put files there by hand.
        const auto now = volumes.try_get(record.name);
        if (now && !now->seeded) discard_half_seed(dir.get());
        spec.seed = now && !now->seeded && is_empty_volume(store_, record.name);
        if (!spec.seed) {
            locks_.pop_back();
            return;
        }
        (void)base::open_at(dir.get(), kSeedMark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    }
    seeding_.push_back(record.name);
}

void VolumeMounts::add_name(const std::string& name) {
    if (std::find(names_.begin(), names_.end(), name) == names_.end()) names_.push_back(name);
}

std::vector<MountSpec> VolumeMounts::plan(std::vector<MountWish>& wishes) {
    const store::VolumeStore volumes(store_);
    std::vector<MountSpec> mounts;
    for (MountWish& wish : wishes) {
        MountSpec& spec = wish.spec;
        if (spec.kind == MountSpec::Kind::volume) {
            if (spec.volume_name.empty()) {
                spec.volume_name = store::VolumeStore::make_anonymous_name();
                spec.anonymous = true;
                planned_.push_back(spec.volume_name);
            }
            add_name(spec.volume_name);
        }
        if (spec.kind == MountSpec::Kind::bind) prepare_bind_source(wish);
        mounts.push_back(spec);
        if (spec.kind == MountSpec::Kind::volume) {
            mounts.back().source = volumes.data_path(spec.volume_name);
            const auto there = volumes.try_get(spec.volume_name);
            if (there && there->seeded) mounts.back().seed = false;
        }
    }
    return mounts;
}

std::vector<MountSpec> VolumeMounts::resolve(const std::vector<MountWish>& wishes) {
    std::vector<MountSpec> mounts;
    for (const MountWish& wish : wishes) {
        MountSpec spec = wish.spec;
        if (spec.kind == MountSpec::Kind::volume) resolve_volume(wish, spec);
        if (spec.kind == MountSpec::Kind::bind) prepare_bind_source(wish);
        mounts.push_back(std::move(spec));
    }
    return mounts;
}

void VolumeMounts::mark_seeded(bool kept) {
    const store::VolumeStore volumes(store_);
    for (const std::string& name : seeding_) {
        // One that goes with its container need not remember.
        const bool is_anonymous =
            std::find(anonymous_.begin(), anonymous_.end(), name) != anonymous_.end();
        if (is_anonymous && !kept) continue;
        if (auto record = volumes.try_get(name)) {
            record->seeded = true;
            volumes.save(*record);
            base::unlink_at(store_.volumes_fd(), name + "/" + kSeedMark, true);
        }
    }
    seeding_.clear();
    locks_.clear();
}

void VolumeMounts::leave_seeding() {
    for (const std::string& name : seeding_) {
        base::unlink_at(store_.volumes_fd(), name + "/" + kSeedMark, true);
    }
    seeding_.clear();
    locks_.clear();
}

std::vector<MountWish> mounts_from(const store::Store& store,
                                   const std::vector<std::string>& flags) {
    std::vector<MountWish> wishes;
    const store::ContainerStore containers(store);
    for (const std::string& flag : flags) {
        const std::vector<std::string> parts = base::split(flag, ':', 2);
        store::ContainerEntry entry;
        try {
            entry = containers.find(parts[0]);
        } catch (base::Error& error) {
            error.add_context("--volumes-from");
            error.set_code(base::exit_code::kEngine);
            throw;
        }
        for (MountWish& wish : record_mounts(entry.record)) {
            if (parts.size() == 2) {
                for (const std::string& word : base::split(parts[1], ',')) {
                    if (word == "ro") wish.spec.read_only = true;
                    if (word != "ro" && word != "rw" && word != "z" && word != "Z") {
                        throw_bad_flag("--volumes-from", flag,
                                       "unknown option " + base::quote(word), "NAME[:ro]");
                    }
                }
            }
            wishes.push_back(std::move(wish));
        }
    }
    return wishes;
}

}  // namespace sandbox::engine
