// The cgroup of a container that is about to start: made when a limit asks for it or the supervisor
// can use it, and what cannot be enforced is told, never silent.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "sandbox/engine/container_spec.hpp"
#include "sandbox/kernel/cgroup.hpp"

namespace sandbox::engine {

class ContainerCgroup {
  public:
    ContainerCgroup() = default;
    // Made when the spec has a limit, or `wanted` and a subtree of our own is there. With
    // spec.strict_limits throws Error (125) for what cannot be enforced.
    ContainerCgroup(const ContainerSpec& spec, bool wanted);
    ContainerCgroup(ContainerCgroup&& other) noexcept
        : cgroup_(std::exchange(other.cgroup_, std::nullopt)), limits_pids_(other.limits_pids_) {}
    ContainerCgroup& operator=(ContainerCgroup&& other) noexcept {
        remove();
        cgroup_ = std::exchange(other.cgroup_, std::nullopt);
        limits_pids_ = other.limits_pids_;
        return *this;
    }
    ~ContainerCgroup() { remove(); }

    // Null: there is none.
    [[nodiscard]] const kernel::Cgroup* get() const noexcept {
        return cgroup_ ? &*cgroup_ : nullptr;
    }
    // It counts the processes, no rlimit needs to.
    [[nodiscard]] bool limits_pids() const noexcept { return limits_pids_; }
    // Something in it was killed for want of memory. Ask before remove().
    [[nodiscard]] bool oom_killed() const;
    // When its last process is gone.
    void remove() noexcept;

  private:
    std::optional<kernel::Cgroup> cgroup_;
    bool limits_pids_ = false;
};

// "--memory, --cpus"
[[nodiscard]] std::string flags_of(const kernel::UnmetLimits& unmet);

}  // namespace sandbox::engine
