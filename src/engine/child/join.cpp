// Theory. This process is a copy of the one that wants something executed in a container, and its
// child will be that program. Between the two lies the border, so order is safety here as well:
//   - nothing inside may look at us: not dumpable before anything is joined, with a memory that
//     belongs to the host's user namespace, so that no capability of the container helps; and the
//     words we were started with are wiped, since /proc/PID/cmdline asks for no permission;
//   - the user namespace first, since it gives the right to join the rest; setns(2) then takes
//     root and working directory from the container's mount namespace, so that no path of the host
//     can be reached any more but through descriptors;
//   - what a program of the container may have put in our way (account files, /dev/pts) is opened
//     without waiting and without magic links, and believed only when it is what it must be;
//   - a pid namespace is joined by the children: the program is the first of ours that the
//     container sees. Its descriptors are closed before it follows any path (payload.cpp).
// We stay as its reaper, like pid 1 for the container's own payload: if our own parent reaped it, a
// stopped `exec` would hold up the end of the whole container, whose pid 1 waits for all the rest.
#include "child/join.hpp"

#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <termios.h>

#include "child/path.hpp"
#include "child/steps.hpp"

namespace sandbox::engine::child {
namespace {

constexpr char kName[] = "sandbox-exec";

void begin_join(const JoinPlan& plan) noexcept {
    (void)raw::close(plan.payload.parent_handshake_fd);
    (void)raw::close(plan.payload.parent_control_fd);
    block_all_signals();
    if (!plan.detached) check(plan.payload, Step::start, raw::prctl(PR_SET_PDEATHSIG, SIGKILL));
    check(plan.payload, Step::start, raw::prctl(PR_SET_DUMPABLE, 0));
    (void)raw::prctl(PR_SET_NAME, static_cast<unsigned long>(raw::ptr(kName)));
    forget_start_text(plan.payload, kName, sizeof kName);
    (void)raw::call(SYS_umask, 0022);
    // Out of the caller's job: what his terminal sends reaches us through him, once.
    check(plan.payload, Step::session, raw::setsid());
}

void join_cgroup(const JoinPlan& plan) noexcept {
    if (plan.cgroup_procs_fd < 0) return;
    const long rc = raw::write(plan.cgroup_procs_fd, "0", 1);
    // cgroups(7), delegation: refused where the next cgroup above both is not the caller's. Without
    // a limit the program is only not frozen and not counted with the others.
    if ((rc == -EACCES || rc == -EPERM) && !plan.cgroup_needed) return;
    check(plan.payload, Step::join_cgroup, rc);
}

void join_namespaces(const JoinPlan& plan) noexcept {
    for (int i = 0; i < kNamespaceCount; ++i) {
        const int fd = plan.namespace_fds[i];
        if (fd < 0) continue;
        check(plan.payload, Step::join_namespace, raw::call(SYS_setns, fd, 0),
              static_cast<std::size_t>(i));
        if (i > 0) continue;
        become_root(plan.payload);
        // prctl(2): a change of credentials sets both anew.
        check(plan.payload, Step::start, raw::prctl(PR_SET_DUMPABLE, 0));
        if (!plan.detached) check(plan.payload, Step::start, raw::prctl(PR_SET_PDEATHSIG, SIGKILL));
    }
    check(plan.payload, Step::join_namespace, raw::chdir("/"), 1);
}

// Opens what the container says is a file of its own; never waits, as a fifo would have it.
int open_suspect(const char* path) noexcept {
    constexpr int kFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    open_how how{};
    how.flags = kFlags;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    const int fd = raw::openat2(AT_FDCWD, path, how);
    // Magic links are links: without openat2, none at all.
    return fd == -ENOSYS ? raw::openat(AT_FDCWD, path, kFlags | O_NOFOLLOW) : fd;
}

int read_account_file(const char* path, Accounts::File& file) noexcept {
    const int fd = open_suspect(path);
    if (fd < 0) return fd;
    struct stat information {};
    int rc = static_cast<int>(raw::call(SYS_fstat, fd, raw::ptr(&information)));
    if (rc == 0 && !S_ISREG(information.st_mode)) rc = -EINVAL;
    if (rc == 0 && information.st_size > static_cast<off_t>(Accounts::kMaxFileBytes)) rc = -EFBIG;
    while (rc == 0 && file.bytes < Accounts::kMaxFileBytes) {
        const long count =
            raw::read(fd, file.text + file.bytes, Accounts::kMaxFileBytes - file.bytes);
        if (count < 0) rc = static_cast<int>(count);
        if (count <= 0) break;
        file.bytes += static_cast<std::uint32_t>(count);
    }
    (void)raw::close(fd);
    return rc;
}

void learn_identity(JoinPlan& plan) noexcept {
    Accounts* accounts = plan.accounts;
    if (accounts == nullptr) return;
    accounts->passwd.error = -read_account_file("/etc/passwd", accounts->passwd);
    accounts->group.error = -read_account_file("/etc/group", accounts->group);
    send(plan.payload, MessageKind::accounts);
    wait_for(plan.payload, MessageKind::identity);
    plan.payload.uid = accounts->uid;
    plan.payload.gid = accounts->gid;
    plan.payload.groups = {accounts->groups, accounts->group_count};
    if (plan.home == nullptr) return;
    TextBuffer home(plan.home, Accounts::kMaxHomeBytes);
    (void)home.append(accounts->home);
}

// A pty of the container's devpts. Whatever lies at the path: only a devpts answers TIOCGPTPEER,
// and the other side comes from there and by no path.
int open_pty(const Plan& plan) noexcept {
    if (!plan.tty) return -1;
    const int root = raw::openat(AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    check(plan, Step::open_pty, root);
    const int master = open_plain(root, "dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
    check(plan, Step::open_pty, master);
    struct statfs information {};
    check(plan, Step::open_pty, raw::call(SYS_fstatfs, master, raw::ptr(&information)));
    if (information.f_type != DEVPTS_SUPER_MAGIC) fail(plan, Step::open_pty, -ENODEV);
    check(plan, Step::open_pty, raw::fcntl(master, F_SETFL, 0));
    const int slave = open_slave(plan, master);
    send(plan, MessageKind::pty, master);
    (void)raw::close(master);
    (void)raw::close(root);
    return slave;
}

}  // namespace

void join_main(const JoinPlan& given) noexcept {
    JoinPlan plan = given;
    begin_join(plan);
    join_cgroup(plan);
    join_namespaces(plan);
    join_session_keyring(plan.payload);
    learn_identity(plan);
    const int terminal_fd = open_pty(plan.payload);
    drop_bounding_set(plan.payload);
    plan.payload.detached = plan.detached;
    const long payload = raw::call(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    check(plan.payload, Step::fork_payload, payload);
    if (payload == 0) run_payload(plan.payload, terminal_fd);
    // Whatever the container may do, we must be able to end what we started; nobody inside sees us.
    plan.payload.bounding_set |= std::uint64_t{1} << CAP_KILL;
    run_init(plan.payload, static_cast<pid_t>(payload));
}

}  // namespace sandbox::engine::child
