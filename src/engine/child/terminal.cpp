#include <sys/ioctl.h>

#include "child/mount_api.hpp"
#include "child/steps.hpp"

// -t: a pty of the container's own devpts. The host's terminal is never handed over; the slave is
// had from the master by TIOCGPTPEER, so that no path can be exchanged on the way.
namespace sandbox::engine::child {

int open_slave(const Plan& plan, int master) noexcept {
    int unlocked = 0;
    check(plan, Step::open_pty, raw::ioctl(master, TIOCSPTLCK, raw::ptr(&unlocked)));
    const int slave = raw::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    check(plan, Step::open_pty, slave);
    if (plan.window_set) {
        check(plan, Step::open_pty, raw::ioctl(master, TIOCSWINSZ, raw::ptr(&plan.window)));
    }
    check(plan, Step::open_pty, raw::fchown(slave, plan.uid, static_cast<gid_t>(-1)));
    return slave;
}

int open_terminal(const Plan& plan, const SystemMounts& system) noexcept {
    const int master = raw::openat(system.pts_fd, "ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    check(plan, Step::open_pty, master);
    const int slave = open_slave(plan, master);

    const int place = raw::openat(system.dev_fd, "console",
                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    check(plan, Step::mount_console, place);
    (void)raw::close(place);
    check(plan, Step::mount_console, bind(slave, {}, false, {system.dev_fd, "console"}).rc);

    send(plan, MessageKind::pty, master);
    (void)raw::close(master);
    return slave;
}

}  // namespace sandbox::engine::child
