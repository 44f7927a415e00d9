#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "child/steps.hpp"

// The payload's process, from its birth to the exec of the stage. The order matters: descriptors of
// the host are gone before a path of the image is followed; seccomp comes last.
namespace sandbox::engine::child {
namespace {

constexpr int kFirstFree = 3;

void set_standard_streams(const Plan& plan, int terminal_fd) noexcept {
    int from[3];
    for (int i = 0; i < 3; ++i) {
        from[i] = terminal_fd >= 0 ? terminal_fd : plan.stdio_fds[i];
        // Out of the way of 0, 1, 2, so that none is overwritten before it was copied.
        if (from[i] != i) {
            from[i] = raw::fcntl(from[i], F_DUPFD_CLOEXEC, 64);
            check(plan, Step::standard_streams, from[i], static_cast<std::size_t>(i));
        }
    }
    for (int i = 0; i < 3; ++i) {
        const int rc = from[i] == i ? raw::fcntl(i, F_SETFD, 0) : raw::dup3(from[i], i, 0);
        check(plan, Step::standard_streams, rc, static_cast<std::size_t>(i));
        if (from[i] != i) (void)raw::close(from[i]);
    }
}

// For kernels before 5.9 and filters: what /proc/self/fd lists from `first` on.
int close_listed(int first) noexcept {
    struct Entry {
        std::uint64_t inode;
        std::int64_t offset;
        unsigned short length;
        unsigned char type;
        char name[1];
    };
    const int dir = raw::openat(AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) return dir;
    alignas(8) char buffer[4096];
    long filled = 0;
    while ((filled = raw::call(SYS_getdents64, dir, raw::ptr(buffer), sizeof buffer)) > 0) {
        for (long at = 0; at < filled;) {
            const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
            at += entry->length;
            int fd = 0;
            for (const char* digit = entry->name; *digit >= '0' && *digit <= '9'; ++digit) {
                fd = fd * 10 + (*digit - '0');
            }
            if (entry->name[0] != '.' && fd >= first && fd != dir) (void)raw::close(fd);
        }
    }
    (void)raw::close(dir);
    return static_cast<int>(filled);
}

// Leaves 0, 1, 2, the preserved ones, and directly above them the handshake and the stage.
struct Kept {
    int handshake_fd;
    int stage_fd;
};
Kept close_the_rest(const Plan& plan) noexcept {
    for (int fd = kFirstFree; fd < kFirstFree + plan.preserve_fds; ++fd) {
        check(plan, Step::descriptors, raw::fcntl(fd, F_SETFD, 0), static_cast<std::size_t>(fd));
    }
    const int free_fd = kFirstFree + plan.preserve_fds;
    // First both upwards, since they may lie where the other is to go.
    const int handshake = raw::fcntl(plan.handshake_fd, F_DUPFD_CLOEXEC, free_fd + 2);
    check(plan, Step::descriptors, handshake);
    const int stage = raw::fcntl(plan.stage_fd, F_DUPFD_CLOEXEC, free_fd + 2);
    check(plan, Step::descriptors, stage);
    // The stage reports through the first one and then closes it on exec itself.
    check(plan, Step::descriptors, raw::dup3(handshake, free_fd, 0));
    check(plan, Step::descriptors, raw::dup3(stage, free_fd + 1, O_CLOEXEC));
    int rc = raw::close_range(static_cast<unsigned>(free_fd) + 2, ~0u, 0);
    if (rc == -ENOSYS) rc = close_listed(free_fd + 2);
    Plan moved = plan;
    moved.handshake_fd = free_fd;
    check(moved, Step::descriptors, rc);
    return {free_fd, free_fd + 1};
}

void start_session(const Plan& plan, int terminal_fd) noexcept {
    // Always a session of its own: without one, the host's terminal could be fed by TIOCSTI.
    check(plan, Step::session, raw::setsid());
    if (terminal_fd >= 0) {
        check(plan, Step::session, raw::ioctl(terminal_fd, TIOCSCTTY, 0));
    }
}

// eventfd(2): blocks until pid 1 writes. If it dies before, so do we.
void wait_for_init(const Plan& plan) noexcept {
    if (plan.settled_fd < 0) return;
    std::uint64_t count = 0;
    long rc = 0;
    do {
        rc = raw::read(plan.settled_fd, &count, sizeof count);
    } while (rc == -EINTR);
    check(plan, Step::fork_payload, rc);
    (void)raw::close(plan.settled_fd);
}

// As the final user, and never through a magic link; then the path must be one of this root.
void enter_working_dir(const Plan& plan) noexcept {
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_NO_MAGICLINKS;
    const int fd = raw::openat2(AT_FDCWD, plan.working_dir, how);
    if (fd == -ENOSYS) {
        check(plan, Step::enter_working_dir, raw::chdir(plan.working_dir));
    } else {
        check(plan, Step::enter_working_dir, fd);
        check(plan, Step::enter_working_dir, raw::fchdir(fd));
        (void)raw::close(fd);
    }
    char path[4096];
    const long rc = raw::call(SYS_getcwd, raw::ptr(path), sizeof path);
    check(plan, Step::enter_working_dir, rc);
    // getcwd(2): "(unreachable)" in front when the directory is outside of the root.
    if (path[0] != '/') fail(plan, Step::working_dir_outside, -EXDEV);
}

// From the next call about identities on we wait until somebody answers. Two filters, since the
// stricter answer counts: what the policy forbids stays forbidden.
void load_identity_traps(const Plan& plan) noexcept {
    if (plan.identity_traps.len == 0) return;
    constexpr long kWaitKillable = 1L << 5;  // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19
    const auto load = [&](long flags) {
        return static_cast<int>(raw::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                          SECCOMP_FILTER_FLAG_NEW_LISTENER | flags,
                                          raw::ptr(&plan.identity_traps)));
    };
    int listener = load(kWaitKillable);
    if (listener == -EINVAL) listener = load(0);
    check(plan, Step::identity_traps, listener);
    send(plan, MessageKind::listener, listener);
    (void)raw::close(listener);
}

void load_seccomp(const Plan& plan) noexcept {
    if (plan.seccomp.len == 0) return;
    check(plan, Step::seccomp,
          raw::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, raw::ptr(&plan.seccomp)));
}

void write_decimal(char* text, int number) noexcept {
    TextBuffer buffer(text, 12);
    (void)buffer.append_number(static_cast<unsigned long>(number));
}

}  // namespace

void run_payload(const Plan& given, int terminal_fd) noexcept {
    Plan plan = given;
    start_session(plan, terminal_fd);
    wait_for_init(plan);
    set_standard_streams(plan, terminal_fd);
    const Kept kept = close_the_rest(plan);
    plan.handshake_fd = kept.handshake_fd;
    set_identity(plan);
    // prctl(2): a change of ids may have set it, where fs.suid_dumpable is 1.
    check(plan, Step::identity, raw::prctl(PR_SET_DUMPABLE, 0));
    enter_working_dir(plan);
    // Its listener is one more descriptor; nothing below is trapped before the capabilities go.
    load_identity_traps(plan);
    // The payload's alone: init and what is done above need more descriptors than it may have.
    set_limits(plan);
    (void)raw::call(SYS_umask, 0022);
    reset_signals();
    // prctl(2): a change of ids cleared it.
    check(plan, Step::start, raw::prctl(PR_SET_PDEATHSIG, SIGKILL));
    if (plan.no_new_privileges) {
        check(plan, Step::no_new_privileges, raw::prctl(PR_SET_NO_NEW_PRIVS, 1));
    }
    load_seccomp(plan);
    drop_capabilities(plan, payload_capabilities(plan), Step::capabilities);
    send(plan, MessageKind::ready);
    write_decimal(plan.stage_argv[0], kept.handshake_fd);
    const long rc = raw::call(SYS_execveat, kept.stage_fd, raw::ptr(""), raw::ptr(plan.stage_argv),
                              raw::ptr(plan.env), AT_EMPTY_PATH);
    fail(plan, Step::stage, rc);
}

}  // namespace sandbox::engine::child
