#include "engine/dead_containers.hpp"

#include <fcntl.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "engine/container_events.hpp"
#include "engine/container_record.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/engine/volumes.hpp"
#include "sandbox/store/container_state.hpp"
#include "sandbox/store/volume_store.hpp"

namespace sandbox::engine {
namespace {

constexpr const char* kKeptMark = "kept";
constexpr const char* kDoomedMark = "doomed";
constexpr size_t kIdDigits = 64;

bool is_doomed(const store::Store& store, const std::string& id) {
    return base::exists_at(store.containers_fd(), id + "/" + kDoomedMark);
}

// Not those that somebody named, whatever they are.
std::vector<std::string> anonymous_volumes(const base::json::Value& record) {
    std::vector<std::string> names;
    for (const MountWish& mount : record_mounts(record)) {
        if (mount.spec.anonymous) names.push_back(mount.spec.volume_name);
    }
    return names;
}

// Before its container, whose record names them. Of two containers that go at the same time the one
// that looks last takes those that both have.
void remove_volumes(const store::Store& store, const std::string& id,
                    const base::json::Value& record) {
    const store::VolumeStore all(store);
    for (const std::string& name : anonymous_volumes(record)) {
        const auto volume = all.try_get(name);
        if (!volume || !volume->anonymous) continue;
        const std::vector<std::string> users = users_of_volume(store, name);
        const bool is_used = std::any_of(users.begin(), users.end(), [&](const std::string& user) {
            return user != id && !is_doomed(store, user);
        });
        if (is_used) continue;
        try {
            all.remove(name);
        } catch (const base::NotFoundError&) {  // the other one has
        }
    }
}

void remove_garbage(const store::Store& store, const std::string& id) {
    const int containers_fd = store.containers_fd();
    const store::ContainerStore containers(store);
    const bool has_record = containers.has_record(id);
    const bool is_kept = has_record && base::exists_at(containers_fd, id + "/" + kKeptMark);
    if (is_kept && !is_doomed(store, id)) return;
    if (base::FileLock::is_held(containers_fd, id + "/lock")) return;
    if (!has_record) {  // nobody is making it, so its maker or its remover was killed
        if (containers.remove_if_unfinished(id)) containers.free_stale_names();
        return;
    }
    std::optional<store::OwnedContainer> owned = containers.try_own(id);
    if (!owned) return;
    const store::ContainerEntry entry = containers.find(id);
    if (!is_kept && entry.record.as_object() == nullptr) {
        // Its maker was killed while it wrote the record. That of one that stays comes whole.
        if (containers.remove_half_made(std::move(*owned))) containers.free_stale_names();
        return;
    }
    if (record_keeps(entry.record) && !is_doomed(store, id)) return;
    base::log::debug("removing container " + id.substr(0, 12) + ", whose supervisor was killed");
    const store::ContainerState former = store::load_state(owned->dir.get(), true);
    if (store::is_active(former.status)) {
        tell_end(store, id, entry.record, store::load_state(owned->dir.get(), false).exit_code,
                 former.network);
    }
    remove_owned(store, std::move(*owned), entry.record, true);
}

}  // namespace

void mark_kept(const store::OwnedContainer& container) {
    (void)base::open_at(container.dir.get(), kKeptMark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

void mark_doomed(const store::OwnedContainer& container) noexcept {
    // Where the disk is full a kill leaves volumes; that it is full must not keep them.
    (void)base::UniqueFd(
        base::raw::openat(container.dir.get(), kDoomedMark, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

void forget_doomed(const store::OwnedContainer& container) {
    base::unlink_at(container.dir.get(), kDoomedMark, true);
}

void forget_kept(const store::OwnedContainer& container) {
    base::unlink_at(container.dir.get(), kKeptMark, true);
}

void remove_owned(const store::Store& store, store::OwnedContainer container,
                  const base::json::Value& record, bool volumes) {
    std::exception_ptr failure;
    if (volumes && !anonymous_volumes(record).empty()) {
        mark_doomed(container);
        try {
            remove_volumes(store, container.id, record);
        } catch (const base::Error&) {  // the container goes all the same
            failure = std::current_exception();
        }
    }
    store::ContainerStore(store).remove(std::move(container), &record);
    if (failure) std::rethrow_exception(failure);
}

bool is_marked_kept(int container_dir_fd) {
    return base::exists_at(container_dir_fd, kKeptMark) &&
           !base::exists_at(container_dir_fd, kDoomedMark);
}

bool remove_if_dead(const store::Store& store, const std::string& id) noexcept {
    try {
        remove_garbage(store, id);
        return !store::ContainerStore(store).has_record(id);
    } catch (const std::exception& error) {
        base::log::debug(std::string("dead container stays: ") + error.what());
        return false;
    }
}

void remove_dead_containers(const store::Store& store) noexcept {
    try {
        for (const std::string& id : base::list_dir(store.containers_fd())) {
            if (id.size() != kIdDigits) continue;
            try {
                remove_garbage(store, id);
            } catch (const base::Error& error) {
                base::log::debug("dead container stays: " + error.message());
            }
        }
    } catch (const std::exception& error) {
        base::log::debug(error.what());
    }
}

}  // namespace sandbox::engine
