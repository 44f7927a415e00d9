#include "interrupt.hpp"

#include <sys/signalfd.h>

#include <array>
#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::image {
namespace {

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};

// nohup(1) ignores SIGHUP. signal(7): a blocked signal is queued although it is ignored, so a
// signalfd would report what the caller asked us not to hear.
bool is_ignored(int signal) noexcept {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

InterruptGuard::InterruptGuard() {
    sigset_t mask;
    ::sigemptyset(&mask);
    for (const int signal : kSignals) {
        if (!is_ignored(signal)) ::sigaddset(&mask, signal);
    }
    ::sigprocmask(SIG_BLOCK, &mask, &former_mask_);
    const int fd = ::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) {
        const int errnum = errno;
        ::sigprocmask(SIG_SETMASK, &former_mask_, nullptr);
        throw base::SysError(errnum, "make a signal descriptor");
    }
    fd_.reset(fd);
}

InterruptGuard::~InterruptGuard() {
    ::sigprocmask(SIG_SETMASK, &former_mask_, nullptr);
}

void InterruptGuard::check() const {
    signalfd_siginfo info{};
    if (base::raw::read(fd_.get(), &info, sizeof info) != static_cast<long>(sizeof info)) return;
    throw base::Error("interrupted", {},
                      base::exit_code::kSignalBase + static_cast<int>(info.ssi_signo));
}

}  // namespace sandbox::image
