// The launch, as a timeline.
//
// clang-format off
//   parent (one thread)                        child (new user, mount, pid, ipc, uts, cgroup)
//   0 a foreground run, as soon as its flags are read: kernel/early_namespace.hpp makes all
//     namespaces but the pid one; newuidmap and newgidmap begin, and the private network
//   1 spec → plan (strings, BPF, env, argv)
//   2 socket pair and pipe, close-on-exec
//   3 clone3(CLONE_PIDFD|CLONE_NEW…)      ──▶  a prctl(PDEATHSIG); close the parent's ends;
//                                                mounts private, network namespace (unless 0)
//   4 uid and gid maps written (newuidmap);    b meanwhile: store and bind
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
#include "engine/launch.hpp"

#include <sched.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <utility>

#include "child/child_main.hpp"
#include "engine/child_plan.hpp"
#include "engine/flags/option_resources.hpp"
#include "engine/handshake.hpp"
#include "engine/launch_words.hpp"
#include "engine/network/container_network.hpp"
#include "engine/network/joined_network.hpp"
#include "engine/own_memory.hpp"
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

// The sanitizer takes the keeper's stack for a broken one.
__attribute__((no_sanitize("address"))) void enter_child(const void* plan) noexcept {
    child::child_main(*static_cast<const child::Plan*>(plan));
}

// Absent: not into that cgroup. Answers in the child only without namespaces made ahead.
std::optional<kernel::ChildProcess> try_clone(std::uint64_t namespaces, int cgroup_fd,
                                              const child::Plan& plan,
                                              kernel::EarlyNamespace* early) {
    if (early != nullptr) return early->try_clone(CLONE_NEWPID, cgroup_fd, enter_child, &plan);
    if (cgroup_fd < 0) return kernel::ChildProcess::clone(namespaces);
    return kernel::ChildProcess::try_clone_into(namespaces, cgroup_fd);
}

// Step 3. With a cgroup the child begins in it and makes the cgroup namespace itself: clone(2)
// would take the parent's cgroup for its root.
kernel::ChildProcess clone_child(const kernel::Cgroup* cgroup, child::Plan& plan,
                                 kernel::EarlyNamespace* early, const JoinedNetwork* joined) {
    if (joined != nullptr) {
        kernel::ChildProcess child =
            clone_joined(*joined, kNamespaces & ~std::uint64_t{CLONE_NEWUSER});
        if (!child.is_child() && cgroup != nullptr) cgroup->add(child.pid());
        return child;
    }
    if (cgroup == nullptr) return std::move(*try_clone(kNamespaces, -1, plan, early));
    plan.new_cgroup_namespace = true;
    auto child =
        try_clone(kNamespaces & ~std::uint64_t{CLONE_NEWCGROUP}, cgroup->fd(), plan, early);
    if (child) return std::move(*child);
    plan.new_cgroup_namespace = false;
    kernel::ChildProcess moved = std::move(*try_clone(kNamespaces, -1, plan, early));
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

// Steps 4 to 6, the parent's side.
class Conversation {
  public:
    Conversation(const ContainerSpec& spec, const LaunchContext& context, const child::Plan& plan,
                 kernel::EarlyNamespace* early, kernel::ChildProcess& init, int handshake_fd)
        : spec_(spec),
          context_(context),
          early_(early),
          init_(init),
          handshake_fd_(handshake_fd),
          // With the payload as pid 1 there is nobody in the namespaces before the maps are there.
          joins_first_(!plan.payload_is_init) {}

    Outcome run() {
        try {
            write_maps();
            outcome_ = receive_outcome(handshake_fd_, std::move(outcome_), on_listener());
        } catch (const base::Error&) {
            // A child that failed early is gone, and then its maps cannot be written: what it said
            // is the reason.
            if (!has_news(handshake_fd_)) throw;
            // One that lives waits for maps that will not come, and we would wait for its end.
            init_.signal(SIGKILL);
            outcome_ = receive_outcome(handshake_fd_);
            if (outcome_.kind != Outcome::Kind::failed) throw;
        }
        return std::move(outcome_);
    }
    [[nodiscard]] std::unique_ptr<IdentityService> take_identity() { return std::move(identity_); }

  private:
    void write_maps() {
        // Now: its keeper goes when the maps are written.
        if (early_ != nullptr && context_.network != nullptr) netns_ = early_->open_network();
        if (early_ != nullptr) {
            if (joins_first_) join();
            early_->finish_maps(spec_.ids);
        } else if (context_.joined == nullptr) {  // the other container's are there
            std::function<void()> meanwhile;
            if (joins_first_) meanwhile = [this] { join(); };
            kernel::write_maps(init_.pid(), spec_.ids, meanwhile);
        }
        send_maps_written(handshake_fd_);
        if (!joins_first_) join();
    }

    void join() {
        if (context_.network == nullptr) return;
        if (!netns_ && !receive_namespaces(handshake_fd_, outcome_)) return;
        context_.network->join(netns_ ? netns_.get() : outcome_.namespaces.network.get());
        send_link_made(handshake_fd_);
    }

    std::function<void(base::UniqueFd, const NamespaceFds&)> on_listener() {
        if (spec_.identity != IdentityMode::emulate) return {};
        return [this](base::UniqueFd listener, const NamespaceFds& namespaces) {
            identity_ = IdentityService::start(
                spec_, namespaces, std::move(listener), context_.container_dir_fd,
                image::layer_owner_table(context_.store, spec_.rootfs));
        };
    }

    const ContainerSpec& spec_;
    const LaunchContext& context_;
    kernel::EarlyNamespace* early_;
    kernel::ChildProcess& init_;
    int handshake_fd_;
    bool joins_first_;
    base::UniqueFd netns_;  // of the namespaces made ahead
    Outcome outcome_;
    std::unique_ptr<IdentityService> identity_;
};

base::Error died_error(const kernel::ExitStatus& status) {
    return base::Error("the container died while it was being set up" +
                           (status.signal != 0 ? " (signal " + std::to_string(status.signal) + ")"
                                               : std::string()),
                       "out of memory?", base::exit_code::kEngine);
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
    plan.joins_network = context.joined != nullptr;
    plan.waits_for_link = context.network != nullptr;
    if (plan.waits_for_link) {
        const std::vector<std::uint8_t>& setup = context.network->setup();
        plan.network_setup = {setup.data(), setup.size()};
    }
    mark_start_text(plan);
    plan.payload_is_init = !spec.init;
    if (context.stays) mark_droppable(plan);
    kernel::EarlyNamespace* early = context.early;
    if (context.joined != nullptr) early = nullptr;
    if (early != nullptr && !early->is_for(spec.ids, early_namespaces(spec.network))) {
        early = nullptr;
    }
    plan.namespaces_made = early != nullptr;

    kernel::ChildProcess init = clone_child(cgroup.get(), plan, early, context.joined);
    if (init.is_child()) child::child_main(plan);
    // Raising it is everybody's right until the child is no longer dumpable.
    if (spec.oom_score_adj) set_oom_score(init.pid(), *spec.oom_score_adj);
    if (!spec.limits.cpus.empty()) set_affinity(init.pid(), spec.limits.cpus);
    handshake.theirs.reset();
    control.theirs.reset();
    Conversation conversation(spec, context, plan, early, init, handshake.ours.get());
    Outcome outcome = conversation.run();
    Attempt result;
    switch (outcome.kind) {
        case Outcome::Kind::executed:
            result.container.emplace(
                LaunchedContainer{std::move(cgroup), std::move(init), std::move(outcome.pty_master),
                                  std::move(control.ours), std::move(outcome.namespaces),
                                  conversation.take_identity()});
            break;
        case Outcome::Kind::failed:
            result.failure = outcome.failure;
            result.error = make_launch_error(outcome.failure, spec, plan);
            break;
        case Outcome::Kind::died:
            result.error = died_error(init.wait());
            break;
    }
    return result;
}

}  // namespace

std::uint64_t early_namespaces(NetworkMode network) noexcept {
    const std::uint64_t others = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
    return network == NetworkMode::host ? others : others | CLONE_NEWNET;
}

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
        LaunchContext again = context;
        again.early = nullptr;
        Attempt second = attempt(spec, again, RootfsPlan::Kind::copied_tree, cgroup);
        if (second.container) return std::move(*second.container);
        throw second.error;
    }
    throw first.error;
}

kernel::ExitStatus collect_exit(LaunchedContainer& container) {
    const kernel::ExitStatus own = container.init.wait();
    // It holds the container's mounts.
    if (container.ends_late && container.identity) container.identity->leave();
    container.identity.reset();
    if (!container.control.valid()) return own;
    if (const auto report = try_read_exit(container.control.get())) {
        return kernel::ExitStatus{report->code, report->signal};
    }
    return own;
}

}  // namespace sandbox::engine
