#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <fstream>

#include "gateway_support.hpp"
#include "net/bytes.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/strings.hpp"
#include "support/skip.hpp"

using namespace sandbox;
using namespace sandbox::net;
using test::endpoint;
using test::NetWorld;

namespace {

#define NEEDS_NAMESPACES() SANDBOX_SKIP_UNLESS(test::has_namespaces(), "no user namespaces")

// A server in the container that tells each client its address.
kernel::ChildProcess tell_addresses(const NetWorld& world, const std::string& at) {
    return test::fork_server([&world, at] {
        (void)test::inside(world.containers.at(0).netns.get(), [&at] {
            const base::UniqueFd listener = test::listen_tcp(endpoint(at, 80), nullptr);
            for (;;) {
                const base::UniqueFd client(
                    ::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
                const std::string text = test::peer_of(client.get()).address.str();
                (void)!::write(client.get(), text.data(), text.size());  // the client tells
            }
            return true;
        });
    });
}

// What the server says to one connection from here; the loop runs meanwhile.
std::string ask(NetWorld& world, const Endpoint& at, int tries = 100) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return "no pipe";
    const base::UniqueFd reads(ends[0]), writes(ends[1]);
    kernel::ChildProcess client = test::fork_server([&] {
        for (int i = 0; i < tries; ++i) {
            base::UniqueFd fd;
            std::array<char, 100> text{};
            const int error = test::try_connect(at, &fd);
            const ssize_t got = error == 0 ? ::recv(fd.get(), text.data(), text.size(), 0) : -1;
            if (got > 0 || i + 1 == tries) {
                const std::string said = got > 0
                                             ? std::string(text.data(), static_cast<size_t>(got))
                                             : std::to_string(error == 0 ? errno : error);
                (void)!::write(writes.get(), said.data(), said.size());
                return;
            }
            ::usleep(20'000);
        }
    });
    while (!client.try_wait()) (void)world.loop.run_once(std::chrono::milliseconds(10));
    std::array<char, 100> text{};
    const ssize_t got = ::read(reads.get(), text.data(), text.size());
    return {text.data(), static_cast<size_t>(std::max<ssize_t>(got, 0))};
}

// A server in the first container that sends datagrams back.
kernel::ChildProcess serve_datagrams(const NetWorld& world, const Endpoint& at) {
    return test::fork_server([&world, at] {
        (void)test::inside(world.containers.at(0).netns.get(), [&at]() -> bool {
            test::echo_datagrams(test::bind_udp(at, nullptr).get());
        });
    });
}

// What comes back to a new client that sends `word` so often.
std::string echo_of(NetWorld& world, const Endpoint& host, const std::string& word, int tries = 1) {
    const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const timeval patience{tries == 1 ? 3 : 1, 0};
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_storage to{};
    const socklen_t size = to_sockaddr(host, to);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), size) != 0) return "not connected";
    std::array<char, 100> text{};
    ssize_t got = -1;
    for (int i = 0; i < tries && got < 0; ++i) {
        if (::send(fd.get(), word.data(), word.size(), 0) < 0) return "not sent";
        (void)world.loop.run_once(std::chrono::milliseconds(100));  // the first starts the helper
        got = ::recv(fd.get(), text.data(), text.size(), 0);
    }
    return {text.data(), static_cast<size_t>(std::max<ssize_t>(got, 0))};
}

Bytes make_query(const std::string& name, std::uint16_t type) {
    Bytes query{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    size_t start = 0;
    while (start <= name.size()) {
        const size_t dot = std::min(name.find('.', start), name.size());
        query.push_back(static_cast<std::uint8_t>(dot - start));
        query.insert(query.end(), name.begin() + static_cast<long>(start),
                     name.begin() + static_cast<long>(dot));
        start = dot + 1;
    }
    query.insert(query.end(), {0, 0, static_cast<std::uint8_t>(type), 0, 1});
    return query;
}

// Asks the name server in a container; the last bytes of the answer, and its response code.
struct Answer {
    int code = -1;
    Bytes bytes;
};
Answer look_up(const Endpoint& server, const std::string& name, std::uint16_t type, bool tcp) {
    const base::UniqueFd fd(::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
    const timeval patience{5, 0};
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_storage to{};
    const socklen_t size = to_sockaddr(server, to);
    if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), size) != 0) return {};
    Bytes query = make_query(name, type);
    if (tcp) query.insert(query.begin(), {0, static_cast<std::uint8_t>(query.size())});
    if (::send(fd.get(), query.data(), query.size(), 0) < 0) return {};
    Bytes answer(2048);
    const ssize_t got = ::recv(fd.get(), answer.data(), answer.size(), 0);
    const size_t skip = tcp ? 2 : 0;
    if (got < static_cast<ssize_t>(skip + 12)) return {};
    return {answer[skip + 3] & 15,
            Bytes(answer.begin() + static_cast<long>(skip), answer.begin() + got)};
}

bool ends_with(const Answer& answer, const IpAddress& address) {
    return answer.code == 0 && answer.bytes.size() > address.size() &&
           std::equal(address.bytes.begin(),
                      address.bytes.begin() + static_cast<long>(address.size()),
                      answer.bytes.end() - static_cast<long>(address.size()));
}

}  // namespace

TEST_CASE("a published port leads into the container, which sees the client's own address") {
    NEEDS_NAMESPACES();
    NetWorld world;
    const Attachment web = world.add("web");
    auto ports = open_host_ports(parse_published_port("0.0.0.0::80"));
    const Endpoint host = ports.at(0).host;
    world.gateway->publish(std::move(ports[0]), web.address_v4);
    kernel::ChildProcess server = tell_addresses(world, "0.0.0.0");
    // The host's loopback has no meaning inside: the gateway speaks for it.
    CHECK(ask(world, endpoint("127.0.0.1", host.port)) == world.network.gateway_v4().str());
    if (const auto own = test::host_address()) {
        CHECK(ask(world, {*own, host.port}) == own->str());
    }
}

TEST_CASE("a published port without a server inside resets at once") {
    NEEDS_NAMESPACES();
    NetWorld world;
    const Attachment web = world.add("web");
    auto ports = open_host_ports(parse_published_port("127.0.0.1::80"));
    const Endpoint host = ports.at(0).host;
    const std::uint32_t id = world.gateway->publish(std::move(ports[0]), web.address_v4);
    CHECK(ask(world, host, 1) == std::to_string(ECONNRESET));
    // A server on the container's loopback alone is none either.
    {
        kernel::ChildProcess server = tell_addresses(world, "127.0.0.1");
        ::usleep(100'000);
        CHECK(ask(world, host, 1) == std::to_string(ECONNRESET));
    }
    world.gateway->unpublish(id);
    for (int i = 0; i < 20; ++i) (void)world.loop.run_once(std::chrono::milliseconds(5));
    CHECK(ask(world, host, 1) == std::to_string(ECONNREFUSED));
}

TEST_CASE("a port that is taken is an error before anything starts") {
    Endpoint taken;
    const base::UniqueFd listener = test::listen_tcp(endpoint("127.0.0.1", 0), &taken);
    const std::string text = "127.0.0.1:" + std::to_string(taken.port) + ":80";
    CHECK_THROWS_WITH(
        open_host_ports(parse_published_port(text)),
        "publish port 127.0.0.1:" + std::to_string(taken.port) + "/tcp: address already in use");
    // Of a range the next one is taken.
    if (taken.port < 65000) {
        const std::string range = "127.0.0.1:" + std::to_string(taken.port) + "-" +
                                  std::to_string(taken.port + 20) + ":80";
        CHECK(open_host_ports(parse_published_port(range)).at(0).host.port > taken.port);
    }
}

TEST_CASE("connections to a port on the host's loopback are not paced, others as the host likes") {
    const auto congestion_control = [](int fd) {
        std::array<char, 16> name{};
        socklen_t size = name.size();
        CHECK(::getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name.data(), &size) == 0);
        return std::string(name.data());
    };
    const base::UniqueFd plain(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    for (const char* text : {"80", "0.0.0.0::80"}) {
        const auto ports = open_host_ports(parse_published_port(text));
        const bool local = ports.at(0).host.address.is_loopback();
        CHECK(congestion_control(ports.at(0).socket.get()) ==
              (local ? "reno" : congestion_control(plain.get())));
    }
}

TEST_CASE("published datagrams come and go, each client its own") {
    NEEDS_NAMESPACES();
    NetWorld world;
    const Attachment web = world.add("web");
    auto ports = open_host_ports(parse_published_port("127.0.0.1::53/udp"));
    const Endpoint host = ports.at(0).host;
    world.gateway->publish(std::move(ports[0]), web.address_v4);
    kernel::ChildProcess server = serve_datagrams(world, endpoint("0.0.0.0", 53));
    ::usleep(100'000);
    for (const char* word : {"one", "two", "three"}) CHECK(echo_of(world, host, word) == word);
}

TEST_CASE("a published port has room for new clients, whoever has asked before") {
    NEEDS_NAMESPACES();
    NetWorld world;
    const Attachment web = world.add("web");
    auto ports = open_host_ports(parse_published_port("127.0.0.1::53/udp"));
    const Endpoint host = ports.at(0).host;
    world.gateway->publish(std::move(ports[0]), web.address_v4);
    kernel::ChildProcess server = serve_datagrams(world, {web.address_v4, 53});
    ::usleep(100'000);
    CHECK(echo_of(world, host, "begin", 5) == "begin");
    sockaddr_storage to{};
    const socklen_t size = to_sockaddr(host, to);
    const timeval patience{3, 0};
    constexpr int kClients = 7000;  // of 28,000 ports: more than are remembered, at once
    int answered = 0;
    for (; answered < kClients; ++answered) {
        const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        char byte = 'x';
        if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), size) != 0 ||
            ::send(fd.get(), &byte, 1, 0) != 1 || ::recv(fd.get(), &byte, 1, 0) != 1) {
            break;
        }
    }
    CHECK(answered == kClients);
}

TEST_CASE("what the first of two addresses refuses is sent to the other, and nothing is lost") {
    NEEDS_NAMESPACES();
    NetWorld world;
    const Attachment web = world.add("web");
    if (!web.address_v6) return;
    auto ports = open_host_ports(parse_published_port("127.0.0.1::53/udp"));
    const Endpoint host = ports.at(0).host;
    world.gateway->publish(std::move(ports[0]), web.address_v4);
    {
        kernel::ChildProcess server = serve_datagrams(world, {*web.address_v6, 53});
        ::usleep(100'000);
        // More clients than the container's kernel tells of a closed port at once.
        for (int i = 0; i < 20; ++i) CHECK(echo_of(world, host, "to six") == "to six");
    }
    // Another one takes its place, in the other family: refused there, it is there for the next.
    kernel::ChildProcess server = serve_datagrams(world, {web.address_v4, 53});
    ::usleep(100'000);
    CHECK(echo_of(world, host, "to four", 5) == "to four");
}

TEST_CASE("names of the network are known, over UDP and TCP, and backwards") {
    NEEDS_NAMESPACES();
    NetWorld world;
    world.add("web");
    const Attachment db = world.add("Db");
    const Endpoint server{db.name_server, 53};
    for (const bool tcp : {false, true}) {
        CHECK(world.in("web",
                       [&] { return ends_with(look_up(server, "dB", 1, tcp), db.address_v4); }));
        if (db.address_v6) {
            CHECK(world.in(
                "web", [&] { return ends_with(look_up(server, "db", 28, tcp), *db.address_v6); }));
        }
        CHECK(world.in("web", [&] {
            return ends_with(look_up(server, "host.internal", 1, tcp), world.network.gateway_v4());
        }));
    }
    CHECK(world.in("web", [&] {
        const auto& b = db.address_v4.bytes;
        const std::string name = std::to_string(b[3]) + "." + std::to_string(b[2]) + "." +
                                 std::to_string(b[1]) + "." + std::to_string(b[0]) +
                                 ".in-addr.arpa";
        const Answer answer = look_up(server, name, 12, false);
        const std::string tail = std::string("\2db", 3) + '\0';
        const std::string text(answer.bytes.begin(), answer.bytes.end());
        return answer.code == 0 && base::to_lower(text).find(tail) != std::string::npos;
    }));
}

TEST_CASE("other names are asked of the host's name servers as they are at that moment") {
    NEEDS_NAMESPACES();
    Endpoint at;
    const base::UniqueFd socket = test::bind_udp(endpoint("127.0.0.1", 0), &at);
    kernel::ChildProcess upstream = test::fork_server([&] {
        std::array<std::uint8_t, 2000> buffer{};
        for (;;) {
            sockaddr_storage peer{};
            socklen_t size = sizeof peer;
            const ssize_t got = ::recvfrom(socket.get(), buffer.data(), buffer.size(), 0,
                                           reinterpret_cast<sockaddr*>(&peer), &size);
            Bytes reply(buffer.begin(), buffer.begin() + got);
            reply[2] |= 0x80;
            reply[7] = 1;
            const Bytes record{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 192, 0, 2, 9};
            reply.insert(reply.end(), record.begin(), record.end());
            (void)::sendto(socket.get(), reply.data(), reply.size(), 0,
                           reinterpret_cast<sockaddr*>(&peer), size);
        }
    });
    NetWorld world;
    const Attachment web = world.add("web");
    std::string path = "/tmp/sandbox-resolv.XXXXXX";
    base::UniqueFd file(::mkstemp(path.data()));
    world.gateway->set_resolv_conf(path);
    const Endpoint server{web.name_server, 53};
    // Nobody there at first: a failure, told at once or after the tries are over.
    { std::ofstream(path) << "nameserver [127.0.0.1]:" << at.port << "\nsearch example\n"; }
    ::usleep(1'100'000);  // what the helper knows is old then
    CHECK(world.in("web", [&] {
        return ends_with(look_up(server, "www.example", 1, false), *try_parse_address("192.0.2.9"));
    }));
    // As many questions as come: what has been answered is in nobody's way.
    CHECK(world.in("web", [&] {
        constexpr int kQuestions = 3000, kAtOnce = 50;
        const base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        const timeval patience{3, 0};
        (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_storage to{};
        const socklen_t to_size = to_sockaddr(server, to);
        if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), to_size) != 0) return false;
        const Bytes query = make_query("www.example", 1);
        Bytes answer(2048);
        for (int sent = 0, got = 0; got < kQuestions; ++got) {
            for (; sent < kQuestions && sent < got + kAtOnce; ++sent) {
                if (::send(fd.get(), query.data(), query.size(), 0) < 0) return false;
            }
            if (::recv(fd.get(), answer.data(), answer.size(), 0) < 0) return false;
        }
        return true;
    }));
    (void)::unlink(path.c_str());
}

TEST_CASE("a full subnet, a taken and a foreign address are errors") {
    NEEDS_NAMESPACES();
    NetworkPlan plan;
    plan.subnet_v4 = try_parse_subnet("10.99.0.0/30");
    plan.ipv6 = false;
    NetWorld world(plan);
    const Attachment first = world.add("a");
    CHECK(first.address_v4.str() == "10.99.0.2");
    CHECK_THROWS_AS(world.add("b"), base::Error);
    AttachPlan wish;
    wish.address_v4 = first.address_v4;
    CHECK_THROWS_AS(world.network.attach(wish), base::UsageError);
    wish.address_v4 = try_parse_address("10.98.0.2");
    CHECK_THROWS_AS(world.network.attach(wish), base::UsageError);
    world.network.detach(first.id);
    CHECK(world.add("c").address_v4.str() == "10.99.0.2");
}
