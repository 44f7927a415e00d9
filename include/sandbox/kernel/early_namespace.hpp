// The namespaces of a container, made while the caller still finds out what to launch: a network
// namespace takes longer than all others together, and newuidmap and newgidmap, which write the id
// maps, longer still. Until its first child is made, nothing of it is to be seen but a sleeping
// process; it ends with the object, or with the caller.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>

#include "sandbox/kernel/process.hpp"
#include "sandbox/kernel/user_namespace.hpp"

namespace sandbox::kernel {

class EarlyNamespace {
  public:
    // A user namespace and `namespaces` (CLONE_NEW…, mounts private to it) in it. A range's map is
    // written at once. Must: the process has one thread, and is not root's. Throws Error as
    // ChildProcess::clone does.
    EarlyNamespace(const IdMap& map, std::uint64_t namespaces);
    EarlyNamespace(const EarlyNamespace&) = delete;
    EarlyNamespace& operator=(const EarlyNamespace&) = delete;
    ~EarlyNamespace();

    // Whether it is for a container with that map and those namespaces beside its user namespace:
    // any one id will do. Waits until they are made; false, too, when that failed.
    [[nodiscard]] bool is_for(const IdMap& map, std::uint64_t namespaces) noexcept;
    // Of a network namespace that is among them; not after finish_maps. Throws SysError.
    [[nodiscard]] base::UniqueFd open_network() const;

    // What the new process does, on a copy of our memory as it is now. Must not return.
    using Entry = void (*)(const void* argument) noexcept;
    // A child of ours that is born in these namespaces, and in `more` of its own. cgroup_fd >= 0:
    // it begins its life there; absent: that cannot be had, as with ChildProcess::try_clone_into.
    // `argument` and what it leads to may go when this returns. Throws SysError.
    [[nodiscard]] std::optional<ChildProcess> try_clone(std::uint64_t more, int cgroup_fd,
                                                        Entry entry, const void* argument);
    // Answers when the map is written. Throws Error as write_maps does.
    void finish_maps(const IdMap& map);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace sandbox::kernel
