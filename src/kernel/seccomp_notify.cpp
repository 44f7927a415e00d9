#include "sandbox/kernel/seccomp_notify.hpp"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

// Newer than the build machine's headers: linux/seccomp.h of Linux 6.6.
constexpr unsigned long kSetFlags = SECCOMP_IOW(4, __u64);
constexpr long kSyncWakeUp = 1;

#if defined(__x86_64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kNativeArch = AUDIT_ARCH_AARCH64;
#else
#error "name this architecture's AUDIT_ARCH"
#endif

void send(int fd, std::uint64_t id, std::int64_t value, std::int32_t error, std::uint32_t flags) {
    seccomp_notif_resp response{};
    response.id = id;
    response.val = value;
    response.error = error;
    response.flags = flags;
    // ENOENT: the caller was killed meanwhile.
    (void)raw::ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, raw::ptr(&response));
}

}  // namespace

bool can_listen() noexcept {
    const std::uint32_t action = SECCOMP_RET_USER_NOTIF;
    if (raw::call(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, raw::ptr(&action)) < 0) return false;
    // Not in a container of anybody's: nothing to find out.
    if (raw::prctl(PR_GET_SECCOMP) == 0) return true;
    try {
        ChildProcess child = ChildProcess::clone(0);
        if (child.is_child()) {
            sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
            const sock_fprog program{1, &allow};
            (void)raw::prctl(PR_SET_NO_NEW_PRIVS, 1);
            const long rc = raw::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                                      SECCOMP_FILTER_FLAG_NEW_LISTENER, raw::ptr(&program));
            raw::exit_group(rc < 0 ? 1 : 0);
        }
        const ExitStatus status = child.wait();
        return status.code == 0 && status.signal == 0;
    } catch (const base::Error&) {
        return false;
    }
}

bool TrappedCall::is_native() const noexcept {
    constexpr int kX32Bit = 0x40000000;
    return arch == kNativeArch && (number & kX32Bit) == 0;
}

SeccompListener::SeccompListener(base::UniqueFd fd) noexcept : fd_(std::move(fd)) {
    // The caller sleeps while we work: both on one processor, one wake-up less. EINVAL before 6.6.
    (void)raw::ioctl(fd_.get(), kSetFlags, kSyncWakeUp);
}

std::optional<TrappedCall> SeccompListener::receive() {
    seccomp_notif notification{};
    const int rc = raw::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, raw::ptr(&notification));
    if (rc == -EINTR || rc == -ENOENT) return std::nullopt;
    if (rc < 0) throw base::SysError(-rc, "receive a trapped system call");
    TrappedCall call;
    call.id = notification.id;
    call.pid = static_cast<pid_t>(notification.pid);
    call.number = notification.data.nr;
    call.arch = notification.data.arch;
    std::copy_n(notification.data.args, call.args.size(), call.args.begin());
    return call;
}

bool SeccompListener::is_waiting(const TrappedCall& call) const noexcept {
    return raw::ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, raw::ptr(&call.id)) == 0;
}

void SeccompListener::answer(const TrappedCall& call, long result) const noexcept {
    const bool failed = result < 0 && result >= -4095;
    send(fd_.get(), call.id, failed ? 0 : result, failed ? static_cast<std::int32_t>(result) : 0,
         0);
}

void SeccompListener::let_go_on(const TrappedCall& call) const noexcept {
    send(fd_.get(), call.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

}  // namespace sandbox::kernel
