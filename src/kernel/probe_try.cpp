#include "probe_try.hpp"

#include <linux/mount.h>
#include <sched.h>

#include <array>
#include <cerrno>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/pipe.hpp"
#include "sandbox/base/raw.hpp"

namespace sandbox::kernel {
namespace {

namespace raw = base::raw;

[[noreturn]] void child(int go_read_fd, int go_write_fd, const std::function<int()>& action) {
    (void)raw::close(go_write_fd);
    char byte = 0;
    if (raw::read(go_read_fd, &byte, 1) != 1) raw::exit_group(ECANCELED);
    (void)raw::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    int rc = 0;
    try {
        rc = action();
    } catch (const base::SysError& error) {
        rc = error.errnum();
    } catch (const std::exception&) {
        rc = EIO;
    }
    raw::exit_group(rc);
}

}  // namespace

const std::uint64_t kAllNamespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
                                     CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;

int try_in_namespaces(std::uint64_t flags, const std::optional<IdMap>& map,
                      const std::function<int()>& action) {
    auto [go_read, go_write] = base::make_pipe();
    ChildProcess process;
    try {
        process = ChildProcess::clone(flags);
    } catch (const base::SysError& error) {
        return error.errnum();
    }
    if (process.is_child()) child(go_read.get(), go_write.get(), action);
    if (map) write_maps(process.pid(), *map);
    base::write_all(go_write.get(), "g");
    const ExitStatus status = process.wait();
    return status.signal != 0 ? EINTR : status.code;
}

}  // namespace sandbox::kernel
