// The places where a worker works: a container's root (as it is, or mounted for us alone), the
// owner's view of the store, a directory of the host.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/child_plan.hpp"
#include "engine/files/worker.hpp"
#include "engine/handshake.hpp"
#include "engine/volume_mounts.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "sandbox/store/container_store.hpp"
#include "sandbox/store/layout.hpp"

namespace sandbox::engine {

// Root of a user namespace with the container's ids; the file system is the caller's. For reading
// upper directories and layers by descriptor.
class OwnerPlace final : public WorkPlace {
  public:
    explicit OwnerPlace(kernel::IdMap ids);
    [[nodiscard]] std::uint64_t clone_flags() const override;
    bool after_clone(kernel::ChildProcess& child) override;
    void enter() override;

  private:
    kernel::IdMap ids_;
    base::UniqueFd start_read_, start_write_;
};

// The caller's own eyes, in a mount namespace in which he may change the root. He stays who he is:
// the map has his id only, as itself. Root needs no map, and would lose what is not his by one.
class HostPlace final : public WorkPlace {
  public:
    HostPlace();
    [[nodiscard]] std::uint64_t clone_flags() const override;
    bool after_clone(kernel::ChildProcess& child) override;
    void enter() override;

  private:
    std::optional<OwnerPlace> mapped_;  // absent: root
};

// A container that does not run: its root is mounted in a namespace of the worker's own, by the
// same plan as a launch's, volumes and binds too, and nothing is started. `owned` must outlive it.
class StoppedPlace final : public WorkPlace {
  public:
    StoppedPlace(const store::Store& store, const store::OwnedContainer& owned,
                 const base::json::Value& record, bool with_mounts);
    ~StoppedPlace() override;
    [[nodiscard]] std::uint64_t clone_flags() const override;
    bool after_clone(kernel::ChildProcess& child) override;
    void enter() override;
    [[nodiscard]] const kernel::IdMap& ids() const noexcept { return spec_.ids; }

  private:
    void make_spec(const base::json::Value& record, bool with_mounts);
    void make_plan();
    const store::Store& store_;
    const store::OwnedContainer& owned_;
    ContainerSpec spec_;
    VolumeMounts volumes_;
    std::optional<LaunchContext> context_;
    std::unique_ptr<ChildPlan> plan_;
    SocketPair handshake_;
};

// A running container, by descriptors of its namespaces.
class RunningPlace final : public WorkPlace {
  public:
    RunningPlace(base::UniqueFd user_namespace, base::UniqueFd mount_namespace)
        : user_(std::move(user_namespace)), mount_(std::move(mount_namespace)) {}
    void enter() override;

  private:
    base::UniqueFd user_, mount_;
};

// The map under which a container's files lie: that of its layers.
[[nodiscard]] kernel::IdMap files_id_map(const base::json::Value& record);
[[nodiscard]] image::RootfsPlan record_rootfs(const base::json::Value& record);

}  // namespace sandbox::engine
