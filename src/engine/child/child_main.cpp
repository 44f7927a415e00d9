// Theory. This process is a copy of a C++ program that has one thread, and is about to become a
// container. It may not allocate, throw, lock or call libc: what it does is system calls on data
// that the parent laid out (plan.hpp). Order is safety:
//   - the parent's descriptors go first, so that end of file tells the truth on both sides;
//   - what needs the caller's own identity (the store is 0700) is opened and mounted before it is
//     given up; what needs ids waits until the maps are written, and what does not is done in
//     that time, since newuidmap takes as long as all the rest;
//   - everything of the host is mounted from descriptors, and all paths of the image are resolved
//     beneath its root, since every one of its links is hostile;
//   - /proc's settings are written before /proc/sys becomes read-only; the root becomes read-only
//     when the last directory in it is made;
//   - pid 1 then forks the payload, which gives up ids, capabilities and, last, system calls, but
//     not before pid 1 has: nothing of the image ever runs beside one that may still do anything;
//   - where the payload shall be pid 1, ours stays above it, in a pid namespace around the
//     container's: a process that changes its ids or executes a setuid program loses PDEATHSIG
//     (prctl(2)), and nothing but the end of such a namespace is sure to take it along.
// Any failure is {step, errno, index} in one packet; the parent knows the plan and makes the words.
#include "child/child_main.hpp"

#include <linux/mount.h>
#include <linux/sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include "child/steps.hpp"

namespace sandbox::engine::child {
namespace {

constexpr char kInitName[] = "sandbox-init";

void begin(const Plan& plan) noexcept {
    (void)raw::close(plan.parent_handshake_fd);
    if (plan.parent_control_fd >= 0) (void)raw::close(plan.parent_control_fd);
    check(plan, Step::start, raw::prctl(PR_SET_PDEATHSIG, SIGKILL));
    block_all_signals();
    (void)raw::prctl(PR_SET_NAME, static_cast<unsigned long>(raw::ptr(kInitName)));
    forget_start_text(plan, kInitName, sizeof kInitName);
    (void)raw::call(SYS_umask, 0022);
    if (plan.new_cgroup_namespace) {
        check(plan, Step::start, raw::call(SYS_unshare, CLONE_NEWCGROUP));
    }
    if (plan.namespaces_made) return;
    // Nothing that is mounted from here on may be seen by the host, nor the other way round.
    check(plan, Step::propagation, raw::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
    // Here and not at clone: it takes longer than all other namespaces together, and the parent has
    // the maps written meanwhile.
    if (plan.own_network && !plan.joins_network) {
        check(plan, Step::network_namespace, raw::call(SYS_unshare, CLONE_NEWNET));
    }
}

// Answers in the new namespace's pid 1; we stay as its init does, but outside. The parent has set
// by now what is inherited (the OOM score, processors).
void fork_inner(Plan& plan) noexcept {
    wait_for(plan, MessageKind::maps_written);
    const long inner = raw::call(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
    check(plan, Step::fork_payload, inner);
    if (inner > 0) run_init(plan, static_cast<pid_t>(inner));
    (void)raw::close(plan.control_fd);
    plan.control_fd = -1;
}

void set_hostname(const Plan& plan) noexcept {
    check(plan, Step::hostname,
          raw::call(SYS_sethostname, raw::ptr(plan.hostname),
                    static_cast<long>(text_length(plan.hostname))));
}

void open_all(Plan& plan) noexcept {
    open_store(plan);
    open_sources(plan);
    open_layers(plan);
}

}  // namespace

void child_main(const Plan& given) noexcept {
    Plan plan = given;
    begin(plan);
    if (plan.payload_is_init) fork_inner(plan);
    // While the parent has the maps written, all that needs no ids.
    if (!plan.root.by_descriptor) open_all(plan);
    const Prepared prepared = prepare_mounts(plan);
    set_hostname(plan);
    set_loopback_up(plan);
    send_namespaces(plan);
    if (plan.waits_for_link) wait_for(plan, MessageKind::link_made);
    if (plan.network_setup.count > 0) configure_network(plan);
    if (!plan.payload_is_init) wait_for(plan, MessageKind::maps_written);
    // prctl(2): from now on /proc/<our pid> is out of reach for everybody inside.
    check(plan, Step::start, raw::prctl(PR_SET_DUMPABLE, 0));
    // Run by root, the container's directory belongs to an id that is mapped only now.
    if (plan.root.by_descriptor) open_all(plan);
    become_root(plan);
    // A change of ids clears it.
    check(plan, Step::start, raw::prctl(PR_SET_PDEATHSIG, SIGKILL));
    // Not earlier: overlay makes a work directory of mode 0000 and walks into it, which takes a
    // capability over an owner who is mapped.
    const int root_fd = make_root(plan);
    const SystemMounts system = mount_system(plan, prepared, root_fd);
    write_sysctls(plan, system.proc_fd);
    const int terminal_fd = plan.tty ? open_terminal(plan, system) : -1;
    hide_paths(plan, system);
    mount_user(plan, root_fd, system);
    make_working_dir(plan, root_fd);
    enter_root(plan, root_fd);
    finish_user_mounts(plan);
    make_root_read_only(plan);
    join_session_keyring(plan);
    drop_bounding_set(plan);
    if (plan.payload_is_init) run_payload(plan, terminal_fd);
    plan.settled_fd = static_cast<int>(raw::call(SYS_eventfd2, 0, EFD_CLOEXEC));
    check(plan, Step::fork_payload, plan.settled_fd);
    const long payload = raw::call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    check(plan, Step::fork_payload, payload);
    if (payload == 0) run_payload(plan, terminal_fd);
    run_init(plan, static_cast<pid_t>(payload));
}

void enter_root_only(const Plan& given) noexcept {
    Plan plan = given;
    begin(plan);
    if (!plan.root.by_descriptor) open_all(plan);
    wait_for(plan, MessageKind::maps_written);
    check(plan, Step::start, raw::prctl(PR_SET_DUMPABLE, 0));
    if (plan.root.by_descriptor) open_all(plan);
    become_root(plan);
    check(plan, Step::start, raw::prctl(PR_SET_PDEATHSIG, SIGKILL));
    const int root_fd = make_root(plan);
    mount_user(plan, root_fd, {});
    enter_root(plan, root_fd);
    finish_user_mounts(plan);
    make_root_read_only(plan);
    send(plan, MessageKind::ready);
}

}  // namespace sandbox::engine::child
