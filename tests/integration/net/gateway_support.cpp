#include "gateway_support.hpp"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <csignal>
#include <cstdio>

#include "sandbox/base/error.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/process.hpp"

namespace sandbox::test {
namespace {

base::UniqueFd bind_socket(const net::Endpoint& at, int type, net::Endpoint* actual) {
    base::UniqueFd fd(::socket(at.address.family, type | SOCK_CLOEXEC, 0));
    const int on = 1;
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_storage address{};
    socklen_t size = net::to_sockaddr(at, address);
    if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) {
        throw base::SysError(errno, "bind", at.str());
    }
    size = sizeof address;
    (void)::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    if (actual != nullptr) *actual = net::from_sockaddr(address);
    return fd;
}

}  // namespace

NetWorld::NetWorld(net::NetworkPlan plan)
    : network(net::ProjectNetwork::create(plan)),
      gateway(std::make_unique<net::Gateway>(network, loop)) {}

net::Attachment NetWorld::add(const std::string& name) {
    Container container{name, make_netns(), {}};
    net::AttachPlan plan;
    plan.netns_fd = container.netns.get();
    plan.names = {name};
    container.attachment = network.attach(plan);
    gateway->update();
    containers.push_back(std::move(container));
    return containers.back().attachment;
}

bool NetWorld::in(const std::string& name, const std::function<bool()>& action) {
    for (const Container& container : containers) {
        if (container.name != name) continue;
        kernel::ChildProcess child = kernel::ChildProcess::clone(0);
        if (child.is_child()) {
            base::raw::exit_group(inside(container.netns.get(), action) ? 0 : 1);
        }
        bool running = true;
        const auto token =
            loop.add_fd(child.pid_fd(), EPOLLIN, [&running](std::uint32_t) { running = false; });
        while (running) (void)loop.run_once(std::chrono::milliseconds(1000));
        loop.remove(token);
        return child.wait().shell_code() == 0;
    }
    return false;
}

base::UniqueFd listen_tcp(const net::Endpoint& at, net::Endpoint* actual) {
    base::UniqueFd fd = bind_socket(at, SOCK_STREAM, actual);
    if (::listen(fd.get(), 1024) != 0) throw base::SysError(errno, "listen", at.str());
    return fd;
}

base::UniqueFd bind_udp(const net::Endpoint& at, net::Endpoint* actual) {
    return bind_socket(at, SOCK_DGRAM, actual);
}

int try_connect(const net::Endpoint& to, base::UniqueFd* connected) {
    base::UniqueFd fd(::socket(to.address.family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // Whatever fails to answer must not hang a test.
    const timeval patience{10, 0};
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_storage address{};
    const socklen_t size = net::to_sockaddr(to, address);
    const int rc = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size);
    const int error = rc == 0 ? 0 : errno;
    if (error == 0 && connected != nullptr) *connected = std::move(fd);
    return error;
}

net::Endpoint endpoint(const std::string& address, std::uint16_t port) {
    return {net::try_parse_address(address).value(), port};
}

void echo_datagrams(int fd) {
    std::vector<char> buffer(65536);
    for (;;) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        const ssize_t got = ::recvfrom(fd, buffer.data(), buffer.size(), 0,
                                       reinterpret_cast<sockaddr*>(&peer), &size);
        if (got < 0) continue;
        (void)::sendto(fd, buffer.data(), static_cast<size_t>(got), 0,
                       reinterpret_cast<sockaddr*>(&peer), size);
    }
}

net::Endpoint peer_of(int fd) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    (void)::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return net::from_sockaddr(address);
}

kernel::ChildProcess fork_server(const std::function<void()>& action) {
    kernel::ChildProcess child = kernel::ChildProcess::clone(0);
    if (!child.is_child()) return child;
    (void)base::raw::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
        action();
    } catch (const std::exception& error) {
        (void)std::fprintf(stderr, "server: %s\n", error.what());
    }
    base::raw::exit_group(0);
}

std::optional<net::IpAddress> host_address() {
    // Asks the routing table; nothing is sent by a datagram socket that only connects.
    const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address{};
    socklen_t size = net::to_sockaddr(endpoint("192.0.2.1", 9), address);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return std::nullopt;
    size = sizeof address;
    (void)::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
    return net::from_sockaddr(address).address;
}

}  // namespace sandbox::test
