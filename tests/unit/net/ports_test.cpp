#include <catch2/catch.hpp>

#include "net/name_servers.hpp"
#include "net/port_targets.hpp"
#include "net/reach.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/net/project_network.hpp"
#include "sandbox/net/published_port.hpp"

using namespace sandbox;
using namespace sandbox::net;

namespace {
std::string said(const std::string& text) {
    std::string words;
    for (const PublishedPort& port : parse_published_port(text)) {
        words += (words.empty() ? "" : " ") + port.host_address.str() + ":" +
                 std::to_string(port.host_first) + "-" + std::to_string(port.host_last) + ":" +
                 std::to_string(port.container_port) + "/" +
                 std::string(transport_name(port.transport));
    }
    return words;
}
}  // namespace

TEST_CASE("docker's forms of a published port are read") {
    CHECK(said("80") == "127.0.0.1:0-0:80/tcp");
    CHECK(said("8080:80") == "127.0.0.1:8080-8080:80/tcp");
    CHECK(said("53:53/udp") == "127.0.0.1:53-53:53/udp");
    CHECK(said("0.0.0.0:8080:80/TCP") == "0.0.0.0:8080-8080:80/tcp");
    CHECK(said("127.0.0.2::80") == "127.0.0.2:0-0:80/tcp");
    CHECK(said("[::1]:8080:80") == "::1:8080-8080:80/tcp");
    CHECK(said("::80") == "127.0.0.1:0-0:80/tcp");
    CHECK(said("0:80") == "127.0.0.1:0-0:80/tcp");
    CHECK(said("8000-8001:90-91") == "127.0.0.1:8000-8000:90/tcp 127.0.0.1:8001-8001:91/tcp");
    CHECK(said("8000-8010:80") == "127.0.0.1:8000-8010:80/tcp");
    CHECK(said("90-91") == "127.0.0.1:0-0:90/tcp 127.0.0.1:0-0:91/tcp");
}

TEST_CASE("what is no published port is told") {
    for (const char* text :
         {"", ":", "x", "80/", "80/icmp", "80/sctp", "65536:80", "0", "80:0", "90-80", "1-2:1-3",
          "1.2.3:80:80", "[::1]80:80", "[::1", "a:80:80", "80:80:80:80", "-1:80", "80 :80"}) {
        INFO(text);
        CHECK_THROWS_AS(parse_published_port(text), base::UsageError);
    }
    CHECK_THROWS_AS(parse_exposed_port("80:80"), base::UsageError);
}

TEST_CASE("the host's loopback, link-local and metadata addresses are closed") {
    ReachPolicy policy;
    policy.gateway_v4 = *try_parse_address("10.89.0.1");
    policy.host_ports = {5432};
    using Answer = Reach::Answer;
    const IpAddress from = *try_parse_address("10.89.0.2");
    const auto answer = [&](const char* to, std::uint16_t port) {
        return decide_reach(policy, from, {*try_parse_address(to), port}).answer;
    };
    CHECK(answer("192.0.2.1", 80) == Answer::go);
    CHECK(answer("2001:db8::1", 80) == Answer::go);
    for (const char* closed :
         {"127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "0.1.2.3", "::", "169.254.169.254", "fe80::1",
          "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "224.0.0.1", "ff02::1",
          "255.255.255.255", "::ffff:127.0.0.1", "::ffff:192.0.2.1"}) {
        INFO(closed);
        CHECK(answer(closed, 80) == Answer::prohibited);
    }
    CHECK(answer("10.89.0.1", 80) == Answer::refused);
    CHECK(decide_reach(policy, from, {policy.gateway_v4, 5432}).to ==
          Endpoint{*try_parse_address("127.0.0.1"), 5432});
    policy.link_local = true;
    CHECK(answer("169.254.169.254", 80) == Answer::go);
    policy.internal = true;
    CHECK(answer("192.0.2.1", 80) == Answer::no_route);
    CHECK(answer("10.89.0.1", 5432) == Answer::go);
}

TEST_CASE("what is opened for one container is closed for the others") {
    ReachPolicy policy;
    policy.gateway_v4 = *try_parse_address("10.89.1.1");
    const IpAddress one = *try_parse_address("10.89.1.2"), other = *try_parse_address("10.89.1.3");
    policy.opened[one] = {{5432}, true};
    const Endpoint metadata{*try_parse_address("169.254.169.254"), 80};
    CHECK(decide_reach(policy, one, {policy.gateway_v4, 5432}).answer == Reach::Answer::go);
    CHECK(decide_reach(policy, one, {policy.gateway_v4, 5433}).answer == Reach::Answer::refused);
    CHECK(decide_reach(policy, one, metadata).answer == Reach::Answer::go);
    CHECK(decide_reach(policy, other, {policy.gateway_v4, 5432}).answer == Reach::Answer::refused);
    CHECK(decide_reach(policy, other, metadata).answer == Reach::Answer::prohibited);
}

TEST_CASE("a client keeps its address where it can be answered") {
    ReachPolicy policy;
    policy.gateway_v4 = *try_parse_address("10.89.0.1");
    policy.gateway_v6 = *try_parse_address("fd00::1");
    const IpAddress target = *try_parse_address("10.89.0.2");
    const auto inside = [&](const char* client) {
        return address_inside(policy, *try_parse_address(client), target).str();
    };
    CHECK(inside("192.0.2.9") == "192.0.2.9");
    CHECK(inside("127.0.0.1") == "10.89.0.1");
    CHECK(inside("169.254.1.1") == "10.89.0.1");
    CHECK(inside("2001:db8::9") == "10.89.0.1");
    CHECK(inside("10.89.0.2") == "10.89.0.1");
}

TEST_CASE("a client is led to the container's address of its own family first") {
    ReachPolicy policy;
    const Endpoint v4{*try_parse_address("10.89.0.2"), 53}, v6{*try_parse_address("fd00::2"), 53};
    const auto first = [&](const char* client, const Endpoint& target) {
        return choose_targets(policy, *try_parse_address(client), target).first;
    };
    // Without IPv6 there is one address, and no other to try.
    CHECK(first("2001:db8::9", v4) == v4);
    CHECK_FALSE(choose_targets(policy, v6.address, v4).second);
    policy.twins = {{v4.address, v6.address}, {v6.address, v4.address}};
    CHECK(first("2001:db8::9", v4) == v6);
    CHECK(choose_targets(policy, *try_parse_address("2001:db8::9"), v4).second == v4);
    CHECK(first("192.0.2.9", v4) == v4);
    CHECK(choose_targets(policy, *try_parse_address("192.0.2.9"), v4).second == v6);
    CHECK(first("192.0.2.9", v6) == v4);
    // The gateway speaks for the host's loopback, in the target's family.
    CHECK(first("::1", v4) == v4);
    CHECK(first("127.0.0.1", v6) == v6);
}

TEST_CASE("name servers and search domains come from resolv.conf") {
    const char* text =
        "# comment\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 # x\nnameserver x\n"
        "nameservers 192.0.2.2\nsearch a.example b.example\noptions ndots:2\nnameserver "
        "fe80::1%eth0\n"
        "nameserver 192.0.2.4\n";
    const auto servers = parse_name_servers(text);
    REQUIRE(servers.size() == 3);
    CHECK(servers[0].str() == "192.0.2.1:53");
    CHECK(servers[1].str() == "[2001:db8::1]:53");
    CHECK(servers[2].str() == "[fe80::1]:53");
    CHECK(parse_name_servers("").at(0).str() == "127.0.0.1:53");
    CHECK(parse_name_servers("nameserver [192.0.2.1]:5353\n").at(0).str() == "192.0.2.1:5353");
    CHECK(parse_name_servers("nameserver [192.0.2.1]:0\n").at(0).str() == "127.0.0.1:53");
    CHECK(make_resolv_conf(*try_parse_address("10.89.0.1"), text) ==
          "nameserver 10.89.0.1\nsearch a.example b.example\noptions ndots:2\n");
}
