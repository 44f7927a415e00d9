#include <linux/capability.h>
#include <linux/wait.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>

#include "child/steps.hpp"
#include "pause_request.hpp"
#include "sandbox/base/idle_memory.hpp"

// Pid 1 of a container, and outside of it the parent of a program that joined: passes signals on
// to the payload, reaps everything, tells how the payload ended. It is still the image of our own
// binary, so nobody inside may look at or write to it: PR_SET_DUMPABLE 0 (set by child_main) with a
// memory that belongs to the host's user namespace.
namespace sandbox::engine::child {
namespace {

constexpr std::uint64_t kAllSignals = ~std::uint64_t{0};
constexpr long kSignalSetBytes = 8;

struct KernelAction {
    long handler = 0;  // SIG_DFL
    unsigned long flags = 0;
    long restorer = 0;
    std::uint64_t mask = 0;
};

SANDBOX_IDLE_CODE void report_and_end(const Plan& plan, int status) noexcept {
    ExitReport report;
    const int signal = status & 0x7f;
    if (signal != 0) {
        report.signal = signal;
    } else {
        report.code = (status >> 8) & 0xff;
    }
    // The parent may be gone; then nobody asks.
    (void)raw::write(plan.control_fd, &report, sizeof report);
    raw::exit_group(signal != 0 ? 128 + signal : report.code);
}

SANDBOX_IDLE_CODE void reap(const Plan& plan, pid_t payload) noexcept {
    for (;;) {
        int status = 0;
        const long pid = raw::call(SYS_wait4, -1, raw::ptr(&status), WNOHANG | __WALL, 0);
        if (pid == -EINTR) continue;
        if (pid <= 0) return;
        if (pid == payload) report_and_end(plan, status);
    }
}

// kill(2): -1 is everybody but ourselves; no process can be made on the way past it, since a fork
// with a signal pending starts anew.
SANDBOX_IDLE_CODE bool serve_pause(const signalfd_siginfo& information) noexcept {
    // Outside of the container (the parent of a program that joined) everybody would be everybody
    // of the user.
    if (raw::getpid() != 1) return false;
    if (information.ssi_ptr != kPauseValue && information.ssi_ptr != kResumeValue) return false;
    (void)raw::kill(-1, information.ssi_ptr == kPauseValue ? SIGSTOP : SIGCONT);
    return true;
}

SANDBOX_IDLE_CODE bool serve_kill(const signalfd_siginfo& information, pid_t payload) noexcept {
    if (raw::getpid() == 1 || information.ssi_ptr != kKillValue) return false;
    (void)raw::kill(-payload, SIGKILL);  // it leads a session of its own
    (void)raw::kill(payload, SIGKILL);
    return true;
}

// What we are asked for ourselves; false: the signal is the payload's.
SANDBOX_IDLE_CODE bool serve_request(const signalfd_siginfo& information, pid_t payload) noexcept {
    if (information.ssi_signo != kPauseSignal || information.ssi_code != SI_QUEUE) return false;
    return serve_pause(information) || serve_kill(information, payload);
}

// Uses its stack and a page or two of text; nothing on the heap, where the lists of the plan were.
[[noreturn]] SANDBOX_IDLE_CODE void wait_for_end(const Plan& plan, pid_t payload) noexcept {
    for (std::size_t i = 0; i < plan.droppable_count; ++i) {
        const MemoryRange& range = plan.droppable[i];
        (void)raw::call(SYS_madvise, static_cast<long>(range.begin),
                        static_cast<long>(range.end - range.begin), MADV_DONTNEED);
    }
    base::drop_unused_stack();
    // The payload may have ended before the signals were watched: SIGCHLD was blocked since the
    // fork, so it is waiting in the signalfd.
    for (;;) {
        signalfd_siginfo information{};
        const long rc = raw::read(1, &information, sizeof information);
        if (rc == -EINTR) continue;
        if (rc < static_cast<long>(sizeof information.ssi_signo)) raw::exit_group(1);
        if (information.ssi_signo == SIGCHLD) {
            reap(plan, payload);
        } else if (!serve_request(information, payload)) {
            (void)raw::kill(payload, static_cast<int>(information.ssi_signo));
        }
    }
}

}  // namespace

void forget_start_text(const Plan& plan, const char* name, std::size_t name_bytes) noexcept {
    for (std::size_t i = 0; i < plan.start_text_bytes; ++i) {
        plan.start_text[i] = i < name_bytes ? name[i] : '\0';
    }
}

void block_all_signals() noexcept {
    (void)raw::call(SYS_rt_sigprocmask, SIG_SETMASK, raw::ptr(&kAllSignals), 0, kSignalSetBytes);
}

void reset_signals() noexcept {
    const KernelAction standard;
    for (int number = 1; number <= 64; ++number) {
        // SIGKILL and SIGSTOP answer EINVAL.
        (void)raw::call(SYS_rt_sigaction, number, raw::ptr(&standard), 0, kSignalSetBytes);
    }
    const std::uint64_t none = 0;
    (void)raw::call(SYS_rt_sigprocmask, SIG_SETMASK, raw::ptr(&none), 0, kSignalSetBytes);
}

void run_init(const Plan& plan, pid_t payload) noexcept {
    // pid_namespaces(7): pid 1 gets no signal from inside that it has no handler for. Blocked ones
    // are kept for the signalfd all the same, whoever sends them.
    const int signals = static_cast<int>(
        raw::call(SYS_signalfd4, -1, raw::ptr(&kAllSignals), kSignalSetBytes, SFD_CLOEXEC));
    check(plan, Step::signals, signals);
    // Whatever the payload may not do: signals must reach it under any uid. It is no way out of the
    // bounding set, since nothing is executed here.
    drop_capabilities(plan, std::uint64_t{1} << CAP_KILL, Step::capabilities);
    check(plan, Step::signals, raw::prctl(PR_SET_NO_NEW_PRIVS, 1));
    if (!plan.detached) check(plan, Step::signals, raw::prctl(PR_SET_PDEATHSIG, SIGKILL));
    check(plan, Step::signals, raw::prctl(PR_SET_DUMPABLE, 0));
    if (plan.settled_fd >= 0) {
        const std::uint64_t one = 1;
        check(plan, Step::signals, raw::write(plan.settled_fd, &one, sizeof one));
    }
    // From here on end of file on the handshake means that the payload was executed: it must be the
    // only one who holds it. Nor may we keep the payload's streams open when it has closed them.
    const int keep_control = raw::dup3(plan.control_fd, 0, O_CLOEXEC);
    const int keep_signals = raw::dup3(signals, 1, O_CLOEXEC);
    if (keep_control < 0 || keep_signals < 0) fail(plan, Step::descriptors, -EBADF);
    if (raw::close_range(2, ~0u, 0) == -ENOSYS) {
        (void)raw::close(2);
        for (int fd = 3; fd < 1024; ++fd) (void)raw::close(fd);
    }
    Plan moved = plan;
    moved.control_fd = 0;
    wait_for_end(moved, payload);
}

}  // namespace sandbox::engine::child
