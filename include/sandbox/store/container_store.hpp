// Container records: containers/<id>/{record.json, lock, upper/, work/, …}. A container lives while
// somebody holds its lock; a pid in a file never counts. The engine owns the record's content, but
// these keys are read by others: `id` and `name` (set by create()); `image_id` ("sha256:…") and
// `layers` (names of layer directories), which are kept as long as the container is; `volumes`
// (names of volumes). A damaged record reads as null: such a container can only be removed.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/base/file_lock.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::store {

struct ContainerEntry {
    std::string id;     // 64 hex digits
    std::string name;   // unique among containers
    bool live = false;  // its lock is held
    base::json::Value record;
};

// An existing container's directory, its lock held exclusively by us.
struct OwnedContainer {
    std::string id;
    base::UniqueFd dir;  // containers/<id>
    base::FileLock lock;
    std::string name{};  // when it was created; empty or an old one: its record tells
};

class ContainerStore {
  public:
    explicit ContainerStore(const Store& store) noexcept : store_(store) {}
    // Makes the directory with upper/ and work/, takes the lock, reserves the name.
    // Throws UsageError (125) "… is already in use" for a taken name. Must hold the shared store
    // lock. Fast path: no fsync unless `keep`.
    [[nodiscard]] OwnedContainer create(const std::string& name, const base::json::Value& record,
                                        bool keep) const;
    [[nodiscard]] std::string make_name() const;  // "brave_turing"-like, free now
    // synced: whatever happens to the machine afterwards, there is one or the other.
    void save_record(const OwnedContainer& container, const base::json::Value& record,
                     bool synced = false) const;
    // The new name is reserved first and the old one given up last. Answers the changed record.
    // Throws UsageError "… is already in use".
    [[nodiscard]] base::json::Value rename(const OwnedContainer& container,
                                           const base::json::Value& record,
                                           const std::string& name) const;
    [[nodiscard]] std::vector<ContainerEntry> list() const;
    // Name, id or unique id prefix. Throws NotFoundError "no such container: …".
    [[nodiscard]] ContainerEntry find(std::string_view name) const;
    // Absent when it is live.
    [[nodiscard]] std::optional<OwnedContainer> try_own(const std::string& id) const;
    // Removes all of it, whatever uid made it (through `remove_as_owner` for what a plain unlink
    // may not remove; see kernel/user_namespace.hpp). `record`: what the event says of it; null,
    // and without a log: its name alone.
    void remove(OwnedContainer container, const base::json::Value* record = nullptr) const;
    // Whose record is damaged, since its maker was killed while it wrote that.
    bool remove_half_made(OwnedContainer container) const;
    // What a killed maker or remover left: no record, and nobody holds its lock.
    bool remove_if_unfinished(const std::string& id) const;
    // A directory without one is no container (any more).
    [[nodiscard]] bool has_record(const std::string& id) const;
    // Names whose owners are gone.
    void free_stale_names() const;

  private:
    const Store& store_;
};

}  // namespace sandbox::store
