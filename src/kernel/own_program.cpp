#include "sandbox/kernel/own_program.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>

#include "sandbox/base/raw.hpp"

namespace sandbox::kernel {

namespace raw = base::raw;

void become_own_program(int program_fd, const char* const* words, int failure_code) noexcept {
    (void)raw::setsid();
    (void)raw::chdir("/");
    sigset_t none;
    ::sigemptyset(&none);
    (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
    (void)raw::call(SYS_execveat, program_fd, raw::ptr(""), raw::ptr(words), raw::ptr(::environ),
                    AT_EMPTY_PATH);
    raw::exit_group(failure_code);
}

}  // namespace sandbox::kernel
