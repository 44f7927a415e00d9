#include "world_support.hpp"

#include <linux/netlink.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <cstdio>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::test {

bool has_namespaces() {
    try {
        return make_netns().valid();
    } catch (const base::Error&) {
        return false;
    }
}

base::UniqueFd make_netns() {
    auto made = net::make_in_new_namespace([] {
        net::Descriptors fds;
        fds.push_back(net::open_own_netns());
        return fds;
    });
    return std::move(made.at(0));
}

bool inside(int netns_fd, const std::function<bool()>& action) {
    kernel::ChildProcess child = kernel::ChildProcess::clone(0);
    if (child.is_child()) {
        int code = 1;
        try {
            net::enter_namespace(netns_fd);
            // After entering, which clears it: prctl(2).
            (void)base::raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
            code = action() ? 0 : 1;
        } catch (const std::exception& error) {
            (void)std::fprintf(stderr, "inside the namespace: %s\n", error.what());
        }
        base::raw::exit_group(code);
    }
    return child.wait().shell_code() == 0;
}

net::NetlinkSocket route_socket(int netns_fd) {
    auto made = net::make_inside(netns_fd, [] {
        net::Descriptors fds;
        const int fd = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (fd < 0) throw base::SysError(errno, "open a netlink socket");
        fds.emplace_back(fd);
        return fds;
    });
    return net::NetlinkSocket(std::move(made.at(0)));
}

}  // namespace sandbox::test
