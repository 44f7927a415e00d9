// Flows without a gateway around them: pairs of connected sockets.
#include "net/tcp_flow.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <string>
#include <vector>

#include "gateway_support.hpp"

using namespace sandbox;
using namespace sandbox::net;
using base::UniqueFd;

namespace {

struct Ends {
    UniqueFd a, b;
};

// Connected over the loopback; `size`: of the buffers, where the kernel has no greater least one.
Ends connected_pair(int size) {
    Endpoint at;
    const UniqueFd listener = test::listen_tcp(test::endpoint("127.0.0.1", 0), &at);
    (void)::setsockopt(listener.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)::setsockopt(listener.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    Ends ends;
    ends.a.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    (void)::setsockopt(ends.a.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    (void)::setsockopt(ends.a.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    sockaddr_storage to{};
    const socklen_t to_size = to_sockaddr(at, to);
    REQUIRE(::connect(ends.a.get(), reinterpret_cast<sockaddr*>(&to), to_size) == 0);
    ends.b.reset(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(ends.b);
    return ends;
}

struct Flow {
    UniqueFd writes, reads;
    size_t written = 0, read = 0;
    bool broken = false;
};

char byte_at(size_t place) {
    return static_cast<char>(place * 7 % 251);
}

// What goes without waiting.
void write_some(Flow& flow, size_t size) {
    std::array<char, 4096> chunk{};
    while (flow.written < size && !flow.broken) {
        const size_t length = std::min(chunk.size(), size - flow.written);
        for (size_t i = 0; i < length; ++i) chunk[i] = byte_at(flow.written + i);
        const ssize_t sent =
            ::send(flow.writes.get(), chunk.data(), length, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            flow.broken = errno != EAGAIN;
            return;
        }
        flow.written += static_cast<size_t>(sent);
    }
}

void read_some(Flow& flow) {
    std::array<char, 4096> chunk{};
    for (;;) {
        const ssize_t got = ::recv(flow.reads.get(), chunk.data(), chunk.size(), MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            flow.broken = true;
            return;
        }
        for (size_t i = 0; i < static_cast<size_t>(got); ++i) {
            if (chunk[i] != byte_at(flow.read + i)) flow.broken = true;
        }
        flow.read += static_cast<size_t>(got);
    }
}

}  // namespace

// pipe(7): pipe-user-pages-soft. With 512 KiB each, 128 pipes are an account's share; those beyond
// it are small.
TEST_CASE("receivers that stall lose nothing, however many they are") {
    constexpr size_t kFlows = 200, kBytes = 1'000'000;
    std::vector<Flow> flows(kFlows);
    std::vector<Ends> middles(kFlows);
    for (size_t i = 0; i < kFlows; ++i) {
        Ends in = connected_pair(256 * 1024), out = connected_pair(1);
        flows[i].writes = std::move(in.a);
        middles[i] = {std::move(in.b), std::move(out.a)};
        flows[i].reads = std::move(out.b);
    }
    kernel::ChildProcess gateway = test::fork_server([&] {
        EventLoop loop;
        TcpFlows all(loop);
        for (Ends& each : middles) {
            for (const UniqueFd* fd : {&each.a, &each.b}) {
                (void)::fcntl(fd->get(), F_SETFL, O_NONBLOCK);
            }
            all.add(std::move(each.a), std::move(each.b));
        }
        loop.run();
    });
    middles.clear();
    // Until all are full.
    for (size_t before = 1, now = 0; now != before;) {
        before = now;
        now = 0;
        for (Flow& flow : flows) {
            write_some(flow, kBytes);
            now += flow.written;
        }
        ::usleep(100'000);
    }
    // Now they make haste.
    const int large = 1024 * 1024;
    for (const Flow& flow : flows) {
        (void)::setsockopt(flow.reads.get(), SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    }
    size_t whole = 0;
    for (int rounds = 0; rounds < 2000 && whole < kFlows; ++rounds) {
        whole = 0;
        for (Flow& flow : flows) {
            write_some(flow, kBytes);
            if (!flow.broken) read_some(flow);
            whole += !flow.broken && flow.read == kBytes ? 1 : 0;
        }
        ::usleep(5'000);
    }
    CHECK(whole == kFlows);
}
