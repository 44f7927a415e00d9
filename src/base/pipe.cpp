#include "sandbox/base/pipe.hpp"

#include <fcntl.h>

#include <array>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::base {

Pipe make_pipe(std::size_t size_bytes) {
    std::array<int, 2> fds{};
    const long rc = raw::call(SYS_pipe2, raw::ptr(fds.data()), O_CLOEXEC);
    if (rc < 0) throw SysError(static_cast<int>(-rc), "make a pipe");
    Pipe pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
    // Faster, not needed.
    if (size_bytes != 0) (void)raw::fcntl(fds[1], F_SETPIPE_SZ, static_cast<long>(size_bytes));
    return pipe;
}

}  // namespace sandbox::base
