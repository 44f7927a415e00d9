#include "net/probe_way.hpp"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>

#include "net/namespace_entry.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/process.hpp"
#include "sandbox/net/gateway.hpp"

namespace sandbox::net {
namespace {

using base::UniqueFd;

constexpr std::chrono::seconds kPatience{10};

UniqueFd listen_on_loopback(Endpoint& at) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    socklen_t size = to_sockaddr({*try_parse_address("127.0.0.1"), 0}, address);
    if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0 ||
        ::listen(fd.get(), 1) != 0 ||
        ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw base::SysError(errno, "listen on the loopback");
    }
    at = from_sockaddr(address);
    return fd;
}

// Runs in the namespace: 0 or the errno of connect(2).
int connect_from(int netns_fd, const Endpoint& to) {
    enter_namespace(netns_fd);
    // After entering, which clears it: prctl(2).
    (void)base::raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const UniqueFd fd(::socket(to.address.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    const socklen_t size = to_sockaddr(to, address);
    return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0 ? 0 : errno;
}

void try_way() {
    Endpoint at;
    const UniqueFd listener = listen_on_loopback(at);
    NetworkPlan plan;
    plan.lone = true;
    plan.host_ports = {at.port};
    base::PollLoop loop;
    ProjectNetwork network = ProjectNetwork::create(plan);
    Gateway gateway(network, loop);
    const Descriptors made = make_in_new_namespace([] {
        Descriptors fds;
        fds.push_back(open_own_netns());
        return fds;
    });
    AttachPlan joined;
    joined.netns_fd = made.at(0).get();
    joined.names = {"probe"};
    (void)network.attach(joined);
    gateway.update();
    kernel::ChildProcess child = kernel::ChildProcess::clone(0);
    if (child.is_child()) {
        int error = EIO;
        try {
            error = connect_from(made[0].get(), {network.gateway_v4(), at.port});
        } catch (const base::SysError& failed) {
            error = failed.errnum();
        }
        base::raw::exit_group(error);
    }
    bool in_time = true;
    loop.add_fd(child.pid_fd(), EPOLLIN, [&loop](std::uint32_t) { loop.stop(); });
    loop.add_timer(kPatience, std::chrono::nanoseconds{0}, [&] {
        in_time = false;
        loop.stop();
    });
    loop.run();
    if (!in_time) throw base::Error("a connection through it has no answer");
    const int error = child.wait().shell_code();
    if (error != 0) throw base::SysError(error, "connect through it");
}

}  // namespace

kernel::Ability probe_way() {
    using State = kernel::Ability::State;
    kernel::Ability ability{"private network",
                            State::yes,
                            false,
                            "containers with a network of their own",
                            "a connection went out through a gateway",
                            ""};
    try {
        try_way();
    } catch (const base::Error& error) {
        ability.state = State::no;
        ability.detail = error.message();
        ability.cure =
            error.hint().empty() ? "what is said below; until then --network host" : error.hint();
    }
    return ability;
}

}  // namespace sandbox::net
