// The launch: a ContainerSpec becomes a running payload. The theory and the order of steps stand at
// the head of launch.cpp. Not for: deciding what the container is (spec_builder), the terminal and
// signals of a foreground run, the record in the store (run.cpp).
#pragma once

#include <sys/ioctl.h>

#include <array>
#include <memory>
#include <optional>

#include "engine/container_cgroup.hpp"
#include "engine/exec/namespace_fds.hpp"
#include "engine/identity/identity_service.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "sandbox/engine/container_spec.hpp"
#include "sandbox/kernel/early_namespace.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/net/project_network.hpp"
#include "sandbox/store/layout.hpp"
#include "sandbox/store/network_facts.hpp"

namespace sandbox::engine {

class ContainerNetwork;
struct JoinedNetwork;

// All descriptors are borrowed and must stay open until launch() returns.
struct LaunchContext {
    const store::Store& store;
    // containers/<id> with upper/ and work/ in it. The launch adds, where overlay is refused,
    // rootfs/ (a copy of the image).
    int container_dir_fd = -1;
    // What the payload gets as 0, 1, 2 when there is no tty. The caller opens /dev/null for stdin
    // when the container is not interactive.
    std::array<int, 3> stdio_fds{0, 1, 2};
    // tty: the terminal's size, set before the payload starts.
    std::optional<winsize> window;
    // A cgroup is worth having without a limit, too: it is paused, counted and killed by it.
    bool wants_cgroup = false;
    // Pid 1 gives its memory back when it has only to wait: that costs a moment, and pays for a
    // container that stays.
    bool stays = false;
    // Of an attached container (container_network.hpp); borrowed.
    ContainerNetwork* network = nullptr;
    // Made ahead for this container with early_namespaces(), and used when it fits; borrowed. It
    // serves once.
    kernel::EarlyNamespace* early = nullptr;
    // Begun ahead by private_plan(), for a container that is on its private network; taken.
    net::ProjectNetwork* private_network = nullptr;
    const JoinedNetwork* joined = nullptr;  // instead of a network of its own; borrowed
};

struct LaunchedContainer {
    ContainerCgroup cgroup;  // empty: limits, if any, are per process. First: it goes last
    // Pid 1 of the container. signal() reaches the payload: our init passes it on; without init the
    // payload is pid 1 (then only signals it has a handler for arrive, and SIGKILL).
    kernel::ChildProcess init;
    base::UniqueFd pty_master;                  // tty only, non-blocking is the caller's choice
    base::UniqueFd control;                     // read end: init tells the payload's end here
    NamespaceFds namespaces;                    // for those who join later: exec/join.hpp
    std::unique_ptr<IdentityService> identity;  // with emulated identities only
    store::NetworkFacts network{};              // of an attached container
    // Removed at its end, and the caller ends with it: nobody waits for its mounts to be gone.
    bool ends_late = false;
};

// Answers when the payload has been executed. Throws Error with code 127 (not found), 126 (found,
// not executable; working directory not enterable), 125 (everything else); nothing is left running
// then. Must be called in a process with one thread. SIGCHLD must not be ignored.
//   mounts: sources are opened here (O_PATH, once), and must be there. A volume with `seed` gets
//     the image's content at its target, inside the container before it is mounted there, with
//     owners, modes and times; the caller need not copy anything, but knows that the volume is new
//     and empty.
//   hosts: written as they are (localhost is not added); empty: the image's /etc/hosts stays.
//   hostname and resolv.conf are always ours.
//   pids_limit: RLIMIT_NPROC inside the namespace, which counts each user id of the container by
//     itself.
[[nodiscard]] LaunchedContainer launch(const ContainerSpec& wanted, const LaunchContext& context);

// What a container has beside its user and pid namespace and can be made ahead.
[[nodiscard]] std::uint64_t early_namespaces(NetworkMode network) noexcept;

// Where overlay is refused: a whole copy of the image in the container's directory, made as the
// container's root so that owners are right. One that is there stays as it is: it is where the
// container's changes are.
void copy_image(const ContainerSpec& spec, const LaunchContext& context);
[[nodiscard]] bool has_copied_tree(int container_dir_fd);

// Waits for the end of pid 1 (readable on init.pid_fd()) and answers how the *payload* ended.
// SIGKILL when init was killed before it could tell.
[[nodiscard]] kernel::ExitStatus collect_exit(LaunchedContainer& container);

}  // namespace sandbox::engine
