// The launch, as a timeline.
//
// clang-format off
//   parent (one thread)                        child (new user, mount, pid, ipc, uts, cgroup)
//   1 spec → plan (strings, BPF, env, argv)
//   2 socket pair and pipe, close-on-exec
//   3 clone3(CLONE_PIDFD|CLONE_NEW…)      ──▶  a prctl(PDEATHSIG); close the parent's ends;
//                                                mounts private
//   4 write uid and gid maps (newuidmap);      b meanwhile: network namespace; store and bind
//                                                sources opened; proc, sysfs, tmpfs made; host
//                                                name, loopback
//     meanwhile: its link made                 c its namespaces sent; wait for maps_written
//   5 send maps_written                   ──▶    (EOF ⇒ parent died ⇒ exit); link set up
//                                              d become root inside; overlay mounted
//                                              e /proc /sys /dev, settings; terminal ──▶ pty + fd
//                                                masks, binds, volumes, working directory
//                                              f pivot_root(".", "."), old root detached
//                                              g keyring, bounding set; fork the payload;
//                                                pid 1 is init and closes its end
//                                              h payload: session, streams, descriptors, ids,
//                                                directory, limits, no_new_privs, seccomp LAST
//   6 receive ready, then EOF = executed  ◀──  i ready; exec of the stage; exec of the payload
//     or failure {step, errno, index}            (the socket closes on the second one)
//   7 hand pid 1, pty and pipe to the caller
// clang-format on
//
// End of file tells the truth only when nobody else holds the child's end: the parent closes it
// right after clone, init right after the fork, the stage marks it close-on-exec. Whichever side
// dies at whatever point, the other one sees end of file and gives up: the child exits (and
// PDEATHSIG kills it if it cannot look), the parent kills pid 1, whose death takes along
// everything in its namespace.
#include "launch.hpp"

#include <sched.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <utility>

#include "child/child_main.hpp"
#include "child_plan.hpp"
#include "container_network.hpp"
#include "handshake.hpp"
#include "launch_words.hpp"
#include "option_resources.hpp"
#include "own_memory.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/image/owner_table.hpp"
#include "sandbox/kernel/probe.hpp"
#include "volume_owners.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
using image::RootfsPlan;

constexpr std::uint64_t kNamespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

constexpr const char* kCopiedTree = "rootfs";

struct Attempt {
    std::optional<LaunchedContainer> container;
    child::Message failure;  // when there is no container
    base::Error error{""};   // its words
};

// Step 3. With a cgroup the child begins in it and makes the cgroup namespace itself: clone(2)
// would take the parent's cgroup for its root.
kernel::ChildProcess clone_child(const kernel::Cgroup* cgroup, child::Plan& plan) {
    if (cgroup == nullptr) return kernel::ChildProcess::clone(kNamespaces);
    plan.new_cgroup_namespace = true;
    auto child = kernel::ChildProcess::try_clone_into(kNamespaces & ~std::uint64_t{CLONE_NEWCGROUP},
                                                      cgroup->fd());
    if (child) return std::move(*child);
    plan.new_cgroup_namespace = false;
    kernel::ChildProcess moved = kernel::ChildProcess::clone(kNamespaces);
    // It waits for its id maps, and does nothing of weight before that.
    if (!moved.is_child()) cgroup->add(moved.pid());
    return moved;
}

void set_oom_score(pid_t pid, int score) {
    const std::string path = "/proc/" + std::to_string(pid) + "/oom_score_adj";
    const base::UniqueFd file = base::open_at(AT_FDCWD, path, O_WRONLY);
    try {
        base::write_all(file.get(), std::to_string(score));
    } catch (base::Error& error) {
        error.add_context("--oom-score-adj");
        error.set_hint("only root may go below the caller's own value");
        throw;
    }
}

// Steps 2 to 7.
Attempt attempt(const ContainerSpec& spec, const LaunchContext& context, RootfsPlan::Kind kind,
                ContainerCgroup& cgroup) {
    if (spec.identity == IdentityMode::emulate) {
        image::mark_layer_owners(context.store, spec.rootfs);
    }
    settle_volume_owners(context.store, spec);
    ChildPlan prepared(spec, context, kind);
    SocketPair handshake = make_handshake();
    SocketPair control = make_control();
    child::Plan& plan = prepared.plan();
    plan.handshake_fd = handshake.theirs.get();
    plan.parent_handshake_fd = handshake.ours.get();
    plan.control_fd = control.theirs.get();
    plan.parent_control_fd = control.ours.get();
    plan.waits_for_link = context.network != nullptr;
    if (plan.waits_for_link) {
        const std::vector<std::uint8_t>& setup = context.network->setup();
        plan.network_setup = {setup.data(), setup.size()};
    }
    mark_start_text(plan);
    plan.payload_is_init = !spec.init;
    if (context.stays) mark_droppable(plan);

    kernel::ChildProcess init = clone_child(cgroup.get(), plan);
    if (init.is_child()) child::child_main(plan);
    // Raising it is everybody's right until the child is no longer dumpable.
    if (spec.oom_score_adj) set_oom_score(init.pid(), *spec.oom_score_adj);
    if (!spec.limits.cpus.empty()) set_affinity(init.pid(), spec.limits.cpus);
    handshake.theirs.reset();
    control.theirs.reset();
    Outcome outcome;
    std::unique_ptr<IdentityService> identity;
    std::function<void(base::UniqueFd, const NamespaceFds&)> on_listener;
    if (spec.identity == IdentityMode::emulate) {
        on_listener = [&](base::UniqueFd listener, const NamespaceFds& namespaces) {
            identity = IdentityService::start(spec, namespaces, std::move(listener),
                                              context.container_dir_fd,
                                              image::layer_owner_table(context.store, spec.rootfs));
        };
    }
    try {
        const auto join = [&] {
            if (!receive_namespaces(handshake.ours.get(), outcome)) return;
            context.network->join(outcome.namespaces.network.get());
            send_link_made(handshake.ours.get());
        };
        // With the payload as pid 1 there is nobody in the namespaces before the maps are there.
        const bool early = context.network != nullptr && !plan.payload_is_init;
        kernel::write_maps(init.pid(), spec.ids, early ? join : std::function<void()>());
        send_maps_written(handshake.ours.get());
        if (context.network != nullptr && !early) join();
        outcome = receive_outcome(handshake.ours.get(), std::move(outcome), on_listener);
    } catch (const base::Error&) {
        // A child that failed early is gone, and then its maps cannot be written: what it said is
        // the reason.
        if (!has_news(handshake.ours.get())) throw;
        // One that lives waits for maps that will not come, and we would wait for its end.
        init.signal(SIGKILL);
        outcome = receive_outcome(handshake.ours.get());
        if (outcome.kind != Outcome::Kind::failed) throw;
    }
    Attempt result;
    switch (outcome.kind) {
        case Outcome::Kind::executed:
            result.container.emplace(LaunchedContainer{
                std::move(cgroup), std::move(init), std::move(outcome.pty_master),
                std::move(control.ours), std::move(outcome.namespaces), std::move(identity)});
            break;
        case Outcome::Kind::failed:
            result.failure = outcome.failure;
            result.error = make_launch_error(outcome.failure, spec, plan);
            break;
        case Outcome::Kind::died: {
            const kernel::ExitStatus status = init.wait();
            result.error = base::Error(
                "the container died while it was being set up" +
                    (status.signal != 0 ? " (signal " + std::to_string(status.signal) + ")"
                                        : std::string()),
                "out of memory?", base::exit_code::kEngine);
            break;
        }
    }
    return result;
}

}  // namespace

void copy_image(const ContainerSpec& spec, const LaunchContext& context) {
    const int dir_fd = context.container_dir_fd;
    if (has_copied_tree(dir_fd)) return;
    // Under another name until it is whole.
    constexpr const char* kPart = "rootfs.part";
    if (base::exists_at(dir_fd, kPart)) kernel::remove_tree(dir_fd, kPart);
    base::make_dir_at(dir_fd, kPart, 0755);
    const base::UniqueFd target = base::open_at(dir_fd, kPart, O_RDONLY | O_DIRECTORY);
    if (::geteuid() == 0) {
        (void)raw::fchown(target.get(), spec.ids.uids.front().outside.value,
                          spec.ids.gids.front().outside.value);
    }
    (void)kernel::run_as_owner(spec.ids, [&] {
        image::copy_rootfs(context.store, spec.rootfs, target.get());
        return 0;
    });
    base::rename_at(dir_fd, kPart, dir_fd, kCopiedTree);
}

bool has_copied_tree(int container_dir_fd) {
    return base::exists_at(container_dir_fd, kCopiedTree);
}

LaunchedContainer launch(const ContainerSpec& wanted, const LaunchContext& context) {
    ContainerCgroup cgroup(wanted, context.wants_cgroup);
    std::optional<ContainerSpec> adjusted;
    if (cgroup.limits_pids()) {
        adjusted = wanted;
        adjusted->pids_limit = 0;
    }
    const ContainerSpec& spec = adjusted ? *adjusted : wanted;
    RootfsPlan::Kind kind = spec.rootfs.kind;
    // A container that has run from a copy has its changes there.
    if (has_copied_tree(context.container_dir_fd)) kind = RootfsPlan::Kind::copied_tree;
    if (kind == RootfsPlan::Kind::copied_tree) copy_image(spec, context);
    Attempt first = attempt(spec, context, kind, cgroup);
    if (first.container) return std::move(*first.container);
    if (kind == RootfsPlan::Kind::overlay && is_overlay_refusal(first.failure)) {
        base::log::warning("this kernel refuses overlay mounts here (" +
                           std::string(base::errno_name(first.failure.error)) +
                           "): the image is copied for each container");
        copy_image(spec, context);
        Attempt second = attempt(spec, context, RootfsPlan::Kind::copied_tree, cgroup);
        if (second.container) return std::move(*second.container);
        throw second.error;
    }
    throw first.error;
}

kernel::ExitStatus collect_exit(LaunchedContainer& container) {
    const kernel::ExitStatus own = container.init.wait();
    // It holds the container's mounts.
    container.identity.reset();
    if (!container.control.valid()) return own;
    if (const auto report = try_read_exit(container.control.get())) {
        return kernel::ExitStatus{report->code, report->signal};
    }
    return own;
}

}  // namespace sandbox::engine
