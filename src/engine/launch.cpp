// The launch, as a timeline.
//
// clang-format off
//   parent (one thread)                        child (new user, mount, pid, ipc, uts, net, cgroup)
//   1 spec → plan (strings, BPF, env, argv)
//   2 socket pair and pipe, close-on-exec
//   3 clone3(CLONE_PIDFD|CLONE_NEW…)      ──▶  a prctl(PDEATHSIG); close the parent's ends;
//                                                mounts private
//   4 write uid and gid maps (newuidmap)       b meanwhile: store and bind sources opened; proc,
//                                                sysfs, tmpfs made; host name, loopback
//   5 send maps_written                   ──▶  c wait for it          (EOF ⇒ parent died ⇒ exit)
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
#include <sys/auxv.h>

#include <cerrno>
#include <utility>

#include "child/child_main.hpp"
#include "child_plan.hpp"
#include "handshake.hpp"
#include "launch_words.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/log.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/probe.hpp"

namespace sandbox::engine {
namespace {

namespace raw = base::raw;
using image::RootfsPlan;

constexpr std::uint64_t kNamespaces =
    CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

struct Attempt {
    std::optional<LaunchedContainer> container;
    child::Message failure;  // when there is no container
    base::Error error{""};   // its words
};

// execve(2) lays out the words, then the environment, then the program's path in one piece.
void mark_start_text(child::Plan& plan) {
    char* const first = ::program_invocation_name;
    const auto* const path = reinterpret_cast<const char*>(::getauxval(AT_EXECFN));
    if (first == nullptr || path <= first) return;
    plan.start_text = first;
    plan.start_text_bytes = static_cast<std::size_t>(path - first);
}

// Steps 2 to 7.
Attempt attempt(const ContainerSpec& spec, const LaunchContext& context, RootfsPlan::Kind kind) {
    ChildPlan prepared(spec, context, kind);
    SocketPair handshake = make_handshake();
    SocketPair control;
    if (spec.init) control = make_control();
    child::Plan& plan = prepared.plan();
    plan.handshake_fd = handshake.theirs.get();
    plan.parent_handshake_fd = handshake.ours.get();
    plan.control_fd = control.theirs.get();
    plan.parent_control_fd = control.ours.get();
    mark_start_text(plan);

    const std::uint64_t network = spec.network == NetworkMode::host ? 0 : CLONE_NEWNET;
    kernel::ChildProcess init = kernel::ChildProcess::clone(kNamespaces | network);
    if (init.is_child()) child::child_main(plan);
    handshake.theirs.reset();
    control.theirs.reset();
    Outcome outcome;
    try {
        kernel::write_maps(init.pid(), spec.ids);
        send_maps_written(handshake.ours.get());
        outcome = receive_outcome(handshake.ours.get());
    } catch (const base::Error&) {
        // A child that failed early is gone, and then its maps cannot be written: what it said is
        // the reason.
        if (!has_news(handshake.ours.get())) throw;
        outcome = receive_outcome(handshake.ours.get());
        if (outcome.kind != Outcome::Kind::failed) throw;
    }
    Attempt result;
    switch (outcome.kind) {
        case Outcome::Kind::executed:
            result.container.emplace(LaunchedContainer{
                std::move(init), std::move(outcome.pty_master), std::move(control.ours)});
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

// Where overlay is refused: a whole copy of the image, made as the container's root so that owners
// are right.
void copy_image(const ContainerSpec& spec, const LaunchContext& context) {
    base::make_dir_at(context.container_dir_fd, "rootfs", 0755);
    const base::UniqueFd target =
        base::open_at(context.container_dir_fd, "rootfs", O_RDONLY | O_DIRECTORY);
    if (::geteuid() == 0) {
        (void)raw::fchown(target.get(), spec.ids.uids.front().outside.value,
                          spec.ids.gids.front().outside.value);
    }
    (void)kernel::run_as_owner(spec.ids, [&] {
        image::copy_rootfs(context.store, spec.rootfs, target.get());
        return 0;
    });
}

}  // namespace

LaunchedContainer launch(const ContainerSpec& spec, const LaunchContext& context) {
    RootfsPlan::Kind kind = spec.rootfs.kind;
    if (kind == RootfsPlan::Kind::copied_tree) copy_image(spec, context);
    Attempt first = attempt(spec, context, kind);
    if (first.container) return std::move(*first.container);
    if (kind == RootfsPlan::Kind::overlay && is_overlay_refusal(first.failure)) {
        base::log::warning("this kernel refuses overlay mounts here (" +
                           std::string(base::errno_name(first.failure.error)) +
                           "): the image is copied for each container");
        copy_image(spec, context);
        Attempt second = attempt(spec, context, RootfsPlan::Kind::copied_tree);
        if (second.container) return std::move(*second.container);
        throw second.error;
    }
    throw first.error;
}

kernel::ExitStatus collect_exit(LaunchedContainer& container) {
    const kernel::ExitStatus own = container.init.wait();
    if (!container.control.valid()) return own;
    if (const auto report = try_read_exit(container.control.get())) {
        return kernel::ExitStatus{report->code, report->signal};
    }
    return own;
}

}  // namespace sandbox::engine
