#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "gateway_support.hpp"
#include "net/network_state.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "support/skip.hpp"

using namespace sandbox;
using namespace sandbox::net;
using test::endpoint;
using test::NetWorld;
using test::try_connect;

namespace {

std::string read_all(int fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    for (;;) {
        const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) return text;
        text.append(buffer.data(), static_cast<size_t>(got));
    }
}

bool say(int fd, std::string_view text) {
    return ::send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

// Opened at the gateway's address, which leads to the host's loopback.
NetworkPlan open_host(std::uint16_t port) {
    NetworkPlan plan;
    plan.host_ports = {port};
    return plan;
}

#define NEEDS_NAMESPACES() SANDBOX_SKIP_UNLESS(test::has_namespaces(), "no user namespaces")

}  // namespace

TEST_CASE("a container's connection reaches the host, both ways, with half-close") {
    NEEDS_NAMESPACES();
    Endpoint at;
    const base::UniqueFd listener = test::listen_tcp(endpoint("127.0.0.1", 0), &at);
    kernel::ChildProcess server = test::fork_server([&] {
        const base::UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        const std::string question = read_all(client.get());  // until the half-close
        (void)say(client.get(), "you said " + question);
    });
    NetWorld world(open_host(at.port));
    world.add("web");
    CHECK(world.in("web", [&] {
        base::UniqueFd fd;
        if (try_connect({world.network.gateway_v4(), at.port}, &fd) != 0) return false;
        if (!say(fd.get(), "hello")) return false;
        (void)::shutdown(fd.get(), SHUT_WR);
        return read_all(fd.get()) == "you said hello";
    }));
}

TEST_CASE("connect keeps its meaning: refused is refused, closed addresses are unreachable") {
    NEEDS_NAMESPACES();
    Endpoint unused;
    { const base::UniqueFd gone = test::listen_tcp(endpoint("127.0.0.1", 0), &unused); }
    NetWorld world(open_host(unused.port));
    world.add("web");
    const IpAddress gateway = world.network.gateway_v4();
    CHECK(world.in("web", [&] { return try_connect({gateway, unused.port}) == ECONNREFUSED; }));
    const auto closed = static_cast<std::uint16_t>(unused.port ^ 1);
    CHECK(world.in("web", [&] { return try_connect({gateway, closed}) == ECONNREFUSED; }));
    CHECK(world.in("web",
                   [] { return try_connect(endpoint("169.254.169.254", 80)) == EHOSTUNREACH; }));
    if (world.network.subnet_v6()) {
        const IpAddress v6 = world.network.subnet_v6()->at(1);
        CHECK(world.in("web", [&] { return try_connect({v6, closed}) == ECONNREFUSED; }));
        CHECK(world.in("web", [] { return try_connect(endpoint("fd00:ec2::254", 80)) == EACCES; }));
    }
}

TEST_CASE("the gateway's own connections to containers are not paced") {
    NEEDS_NAMESPACES();
    NetWorld world;
    world.add("web");
    CHECK(test::inside(world.network.impl().netns.get(), [] {
        const std::string path = "/proc/sys/net/ipv4/tcp_congestion_control";
        return base::read_fd(base::open_at(AT_FDCWD, path, O_RDONLY).get(), 64) == "reno\n";
    }));
}

TEST_CASE("an internal network has no way out") {
    NEEDS_NAMESPACES();
    NetworkPlan plan;
    plan.internal = true;
    NetWorld world(plan);
    world.add("db");
    CHECK(world.in("db", [] { return try_connect(endpoint("192.0.2.1", 80)) == ENETUNREACH; }));
}

TEST_CASE("a reset from outside arrives as a reset") {
    NEEDS_NAMESPACES();
    Endpoint at;
    const base::UniqueFd listener = test::listen_tcp(endpoint("127.0.0.1", 0), &at);
    kernel::ChildProcess server = test::fork_server([&] {
        base::UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        char byte = 0;
        (void)::recv(client.get(), &byte, 1, 0);
        const linger hard{1, 0};
        (void)::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    });
    NetWorld world(open_host(at.port));
    world.add("web");
    CHECK(world.in("web", [&] {
        base::UniqueFd fd;
        if (try_connect({world.network.gateway_v4(), at.port}, &fd) != 0) return false;
        char byte = 'x';
        if (!say(fd.get(), "x")) return false;
        return ::recv(fd.get(), &byte, 1, 0) < 0 && errno == ECONNRESET;
    }));
}

TEST_CASE("urgent data stays urgent and in its place") {
    NEEDS_NAMESPACES();
    Endpoint at;
    const base::UniqueFd listener = test::listen_tcp(endpoint("127.0.0.1", 0), &at);
    kernel::ChildProcess server = test::fork_server([&] {
        const base::UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        pollfd waits{client.get(), POLLPRI, 0};
        if (::poll(&waits, 1, 5000) != 1) return;
        char byte = 0;
        const bool got = ::recv(client.get(), &byte, 1, MSG_OOB) == 1;
        const std::string rest = read_all(client.get());
        (void)say(client.get(), std::string(got ? 1 : 0, byte) + "|" + rest);
    });
    NetWorld world(open_host(at.port));
    world.add("web");
    CHECK(world.in("web", [&] {
        base::UniqueFd fd;
        if (try_connect({world.network.gateway_v4(), at.port}, &fd) != 0) return false;
        if (!say(fd.get(), "before ") || ::send(fd.get(), "!", 1, MSG_OOB) != 1) return false;
        if (!say(fd.get(), "after")) return false;
        (void)::shutdown(fd.get(), SHUT_WR);
        return read_all(fd.get()) == "!|before after";
    }));
}

TEST_CASE("bulk data arrives whole while the receiver stalls") {
    NEEDS_NAMESPACES();
    constexpr size_t kTotal = 48 * 1024 * 1024;
    Endpoint at;
    const base::UniqueFd listener = test::listen_tcp(endpoint("127.0.0.1", 0), &at);
    kernel::ChildProcess server = test::fork_server([&] {
        const base::UniqueFd client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        std::vector<unsigned char> block(1 << 20);
        for (size_t sent = 0; sent < kTotal; sent += block.size()) {
            for (size_t i = 0; i < block.size(); ++i) {
                block[i] = static_cast<unsigned char>((sent + i) * 2654435761u >> 13);
            }
            for (size_t at_byte = 0; at_byte < block.size();) {
                const ssize_t rc = ::send(client.get(), block.data() + at_byte,
                                          block.size() - at_byte, MSG_NOSIGNAL);
                if (rc <= 0) return;
                at_byte += static_cast<size_t>(rc);
            }
        }
    });
    NetWorld world(open_host(at.port));
    world.add("web");
    CHECK(world.in("web", [&] {
        base::UniqueFd fd;
        if (try_connect({world.network.gateway_v4(), at.port}, &fd) != 0) return false;
        ::usleep(300'000);  // everything on the way fills up
        std::vector<unsigned char> block(1 << 20);
        size_t total = 0;
        for (;;) {
            const ssize_t got = ::recv(fd.get(), block.data(), block.size(), 0);
            if (got <= 0) return got == 0 && total == kTotal;
            for (size_t i = 0; i < static_cast<size_t>(got); ++i) {
                if (block[i] != static_cast<unsigned char>((total + i) * 2654435761u >> 13)) {
                    return false;
                }
            }
            total += static_cast<size_t>(got);
        }
    }));
}

TEST_CASE("datagrams go out and come back from where they were sent to") {
    NEEDS_NAMESPACES();
    Endpoint at;
    const base::UniqueFd socket = test::bind_udp(endpoint("127.0.0.1", 0), &at);
    kernel::ChildProcess server = test::fork_server([&] { test::echo_datagrams(socket.get()); });
    NetWorld world(open_host(at.port));
    world.add("web");
    for (const size_t bytes : {size_t{5}, size_t{1472}, size_t{65507}}) {
        CHECK(world.in("web", [&] {
            const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
            const timeval patience{5, 0};
            (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
            sockaddr_storage to{};
            const socklen_t size = to_sockaddr({world.network.gateway_v4(), at.port}, to);
            if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), size) != 0) return false;
            const std::string sent(bytes, 'u');
            if (::send(fd.get(), sent.data(), sent.size(), 0) < 0) return false;
            std::string got(70000, '\0');
            const ssize_t rc = ::recv(fd.get(), got.data(), got.size(), 0);
            return rc == static_cast<ssize_t>(bytes);
        }));
    }
    // Nobody listens there: the container hears of it.
    CHECK(world.in("web", [&] {
        const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_storage to{};
        const auto closed = static_cast<std::uint16_t>(at.port ^ 1);
        const socklen_t size = to_sockaddr({world.network.gateway_v4(), closed}, to);
        (void)::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), size);
        (void)::send(fd.get(), "x", 1, 0);
        const timeval patience{5, 0};
        (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        char byte = 0;
        return ::recv(fd.get(), &byte, 1, 0) < 0 && errno == ECONNREFUSED;
    }));
}

TEST_CASE("a killed helper comes back; old connections are reset, new ones work") {
    NEEDS_NAMESPACES();
    Endpoint at;
    const base::UniqueFd listener = test::listen_tcp(endpoint("127.0.0.1", 0), &at);
    kernel::ChildProcess server = test::fork_server([&] {
        std::vector<base::UniqueFd> clients;
        for (;;) {
            clients.emplace_back(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
            (void)say(clients.back().get(), "hi");
        }
    });
    NetWorld world(open_host(at.port));
    world.add("web");
    const Endpoint to{world.network.gateway_v4(), at.port};
    CHECK(world.gateway->helper_pid() == 0);  // the first packet starts it
    CHECK(world.in("web", [&] { return try_connect(to) == 0; }));
    const int helper = world.gateway->helper_pid();
    REQUIRE(helper > 0);
    CHECK(world.in("web", [&] {
        base::UniqueFd old;
        char byte = 0;
        if (try_connect(to, &old) != 0 || ::recv(old.get(), &byte, 1, 0) != 1) return false;
        if (::recv(old.get(), &byte, 1, 0) != 1) return false;
        (void)::kill(helper, SIGKILL);
        ::usleep(100'000);
        if (::recv(old.get(), &byte, 1, 0) >= 0 || errno != ECONNRESET) return false;
        base::UniqueFd fresh;
        return try_connect(to, &fresh) == 0 && ::recv(fresh.get(), &byte, 1, 0) == 1;
    }));
    CHECK(world.gateway->helper_pid() != helper);
}

TEST_CASE("what belongs to no connection is reset when it is sent again, not before") {
    NEEDS_NAMESPACES();
    NetWorld world;
    world.add("web");
    CHECK(world.in("web", [] {
        // The socket of a restored process is connected without a word to the other side.
        const base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto set = [&fd](int level, int option, const auto& value) {
            return ::setsockopt(fd.get(), level, option, &value, sizeof value) == 0;
        };
        sockaddr_storage to{};
        const socklen_t to_size = to_sockaddr(endpoint("192.0.2.1", 80), to);
        if (!set(SOL_SOCKET, SO_RCVTIMEO, timeval{20, 0}) ||
            !set(IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON) ||
            ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), to_size) != 0 ||
            !set(IPPROTO_TCP, TCP_REPAIR_WINDOW, tcp_repair_window{0, 4096, 4096, 4096, 0}) ||
            !set(IPPROTO_TCP, TCP_REPAIR, 0) || !say(fd.get(), "hello")) {
            return false;
        }
        char byte = 0;
        if (::recv(fd.get(), &byte, 1, 0) >= 0 || errno != ECONNRESET) return false;
        tcp_info info{};
        socklen_t size = sizeof info;
        return ::getsockopt(fd.get(), IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
               info.tcpi_total_retrans >= 1;
    }));
}

TEST_CASE("a network that comes back replaces the link that the dead one has left") {
    NEEDS_NAMESPACES();
    Endpoint at;
    const base::UniqueFd listener = test::listen_tcp(endpoint("127.0.0.1", 0), &at);
    NetWorld dead;  // which the kernel has not got round to taking away
    dead.add("web");
    NetWorld next(open_host(at.port));
    AttachPlan plan;
    plan.netns_fd = dead.containers[0].netns.get();
    plan.prepared = true;
    CHECK_THROWS_AS(next.network.attach(plan), base::SysError);
    plan.replaces = true;
    (void)next.network.attach(plan);
    next.gateway->update();
    next.containers.push_back(std::move(dead.containers[0]));
    CHECK(next.in("web", [&] { return try_connect({next.network.gateway_v4(), at.port}) == 0; }));
}

TEST_CASE("containers of a network reach each other directly") {
    NEEDS_NAMESPACES();
    NetWorld world;
    world.add("web");
    const Attachment db = world.add("db");
    kernel::ChildProcess server = test::fork_server([&] {
        (void)test::inside(world.containers[1].netns.get(), [] {
            const base::UniqueFd listener = test::listen_tcp(endpoint("0.0.0.0", 80), nullptr);
            for (;;) {
                const base::UniqueFd client(
                    ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
                (void)say(client.get(), test::peer_of(client.get()).address.str());
            }
            return true;
        });
    });
    CHECK(world.in("web", [&] {
        for (int i = 0; i < 100; ++i) {
            base::UniqueFd fd;
            if (try_connect({db.address_v4, 80}, &fd) == 0) {
                return read_all(fd.get()) == world.containers[0].attachment.address_v4.str();
            }
            ::usleep(20'000);
        }
        return false;
    }));
}
