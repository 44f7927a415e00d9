// The namespaces of a running container, as descriptors. They come from pid 1 itself, early in the
// launch: later nobody can open them, since pid 1 is not dumpable and its memory belongs to the
// host's user namespace (ptrace_may_access in the kernel; namespaces(7), "/proc/pid/ns").
#pragma once

#include <array>

#include "child/messages.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::engine {

struct NamespaceFds {
    base::UniqueFd user, mount, pid, ipc, uts;
    base::UniqueFd network;  // the host's own with --network host
    base::UniqueFd cgroup;

    [[nodiscard]] bool complete() const noexcept {
        return user && mount && pid && ipc && uts && network && cgroup;
    }
    // In the order of child::kNamespaceNames.
    [[nodiscard]] std::array<base::UniqueFd*, child::kNamespaceCount> in_order() noexcept {
        return {&user, &mount, &pid, &ipc, &uts, &network, &cgroup};
    }
    [[nodiscard]] std::array<int, child::kNamespaceCount> numbers() const noexcept {
        return {user.get(), mount.get(),   pid.get(),   ipc.get(),
                uts.get(),  network.get(), cgroup.get()};
    }
};

}  // namespace sandbox::engine
