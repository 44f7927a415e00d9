#include <linux/netlink.h>
#include <sys/socket.h>

#include "child/steps.hpp"

namespace sandbox::engine::child {

void send_namespaces(const Plan& plan) noexcept {
    // The host's /proc still: "self" is right in it, whatever pid we have inside.
    const int dir =
        raw::openat(AT_FDCWD, "/proc/self/ns", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    check(plan, Step::open_namespace, dir);
    int fds[kNamespaceCount];
    for (int i = 0; i < kNamespaceCount; ++i) {
        fds[i] = raw::openat(dir, kNamespaceNames[i], O_RDONLY | O_CLOEXEC);
        check(plan, Step::open_namespace, fds[i], static_cast<std::size_t>(i));
    }
    send_all(plan, MessageKind::namespaces, {fds, kNamespaceCount});
    for (const int fd : fds) (void)raw::close(fd);
    (void)raw::close(dir);
}

void configure_network(const Plan& plan) noexcept {
    const int fd =
        static_cast<int>(raw::call(SYS_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    check(plan, Step::network_setup, fd);
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    const List<unsigned char>& setup = plan.network_setup;
    check(plan, Step::network_setup,
          raw::call(SYS_sendto, fd, raw::ptr(setup.items), static_cast<long>(setup.count), 0,
                    raw::ptr(&kernel), sizeof kernel));
    // Errors come unasked, in order; the acknowledgement is that of the last message. netlink(7)
    struct {
        nlmsghdr header;
        nlmsgerr error;
        unsigned char rest[512];
    } answer;
    const long got = raw::call(SYS_recvfrom, fd, raw::ptr(&answer), sizeof answer, 0, 0, 0);
    check(plan, Step::network_setup, got);
    const bool whole = got >= static_cast<long>(sizeof answer.header + sizeof answer.error);
    check(plan, Step::network_setup, whole ? answer.error.error : -EBADMSG);
    (void)raw::close(fd);
}

}  // namespace sandbox::engine::child
