#include "sandbox/kernel/sock_diag.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

namespace sandbox::kernel {
namespace {

struct Bound {
    base::UniqueFd fd;
    std::uint16_t port = 0;
};

Bound bind_to(int type, std::uint32_t address) {
    Bound bound{base::UniqueFd(::socket(AF_INET, type | SOCK_CLOEXEC, 0))};
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(address);
    REQUIRE(::bind(bound.fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) == 0);
    socklen_t length = sizeof name;
    REQUIRE(::getsockname(bound.fd.get(), reinterpret_cast<sockaddr*>(&name), &length) == 0);
    bound.port = ntohs(name.sin_port);
    return bound;
}

TEST_CASE("a port counts when somebody listens, not when it is only bound") {
    const base::UniqueFd diagnostics = open_sock_diag();
    const Bound all = bind_to(SOCK_STREAM, INADDR_ANY);
    const Bound local = bind_to(SOCK_STREAM, INADDR_LOOPBACK);
    const Bound datagrams = bind_to(SOCK_DGRAM, INADDR_LOOPBACK);
    using Protocol = ListeningPort::Protocol;
    CHECK(listening_ports(diagnostics.get()).count({Protocol::tcp, all.port, false}) == 0);
    REQUIRE(::listen(all.fd.get(), 1) == 0);
    REQUIRE(::listen(local.fd.get(), 1) == 0);
    const std::set<ListeningPort> ports = listening_ports(diagnostics.get());
    CHECK(ports.count({Protocol::tcp, all.port, false}) == 1);
    CHECK(ports.count({Protocol::tcp, local.port, true}) == 1);
    CHECK(ports.count({Protocol::udp, datagrams.port, true}) == 1);
}

TEST_CASE("what is no diagnostic socket is an error") {
    const base::UniqueFd other(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    CHECK_THROWS_AS(listening_ports(other.get()), base::SysError);
}

}  // namespace
}  // namespace sandbox::kernel
