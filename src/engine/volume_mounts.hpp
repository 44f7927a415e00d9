// From wished volumes to mounted ones: named volumes are made when missing, anonymous ones get a
// name; a volume that is new and empty is seeded by the launch. Must hold the shared store lock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/flags/mount_flags.hpp"
#include "sandbox/base/file_lock.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

class VolumeMounts {
  public:
    explicit VolumeMounts(const store::Store& store) noexcept : store_(store) {}
    VolumeMounts(const VolumeMounts&) = delete;
    VolumeMounts& operator=(const VolumeMounts&) = delete;
    // Removes the anonymous volumes that were made, unless keep() was called.
    ~VolumeMounts();

    // Names the anonymous ones, and answers all mounts as the container's record shall have them
    // before anything is made: so it refers to whatever a kill on the way would leave behind.
    [[nodiscard]] std::vector<MountSpec> plan(std::vector<MountWish>& wishes);
    // Answers the mounts with sources; read-only here means what the flags say.
    [[nodiscard]] std::vector<MountSpec> resolve(const std::vector<MountWish>& wishes);
    // The launch has copied the image's content: never again. Lets others use the volumes.
    // `kept`: the container may be started again, so its anonymous volumes remember it, too.
    void mark_seeded(bool kept = true);
    // Nothing is launched by us: whoever does it seeds.
    void leave_seeding();
    void keep() noexcept { anonymous_.clear(); }
    [[nodiscard]] bool has_anonymous() const noexcept { return !anonymous_.empty(); }
    void remove_anonymous() noexcept;  // what cannot be removed is left to prune
    [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

  private:
    void resolve_volume(const MountWish& wish, MountSpec& spec);
    void add_name(const std::string& name);
    const store::Store& store_;
    std::vector<std::string> names_;
    std::vector<std::string> planned_;    // names of anonymous ones
    std::vector<std::string> anonymous_;  // made by us
    std::vector<std::string> seeding_;
    std::vector<base::FileLock> locks_;  // one container seeds, the others wait
};

// --volumes-from NAME[:ro]: the bind mounts and volumes of another container's record.
[[nodiscard]] std::vector<MountWish> mounts_from(const store::Store& store,
                                                 const std::vector<std::string>& flags);

}  // namespace sandbox::engine
