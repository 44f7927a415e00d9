#include "sandbox/net/address.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::net;

TEST_CASE("addresses are read and written in both families") {
    CHECK(try_parse_address("10.0.0.1")->str() == "10.0.0.1");
    CHECK(try_parse_address("fd00::1")->str() == "fd00::1");
    CHECK(try_parse_address("[fd00::1]")->str() == "fd00::1");
    for (const char* wrong : {"", "10.0.0", "10.0.0.256", "[10.0.0.1]", "fe80::1%eth0", "a b"}) {
        CHECK_FALSE(try_parse_address(wrong));
    }
    CHECK_FALSE(try_parse_address(std::string_view("10.0.0.1\0x", 10)));
}

TEST_CASE("addresses know what they are for") {
    CHECK(try_parse_address("127.3.2.1")->is_loopback());
    CHECK(try_parse_address("::1")->is_loopback());
    CHECK_FALSE(try_parse_address("128.0.0.1")->is_loopback());
    CHECK(try_parse_address("169.254.169.254")->is_link_local());
    CHECK(try_parse_address("fe80::1")->is_link_local());
    CHECK(try_parse_address("224.0.0.251")->is_multicast());
    CHECK(try_parse_address("ff02::1")->is_multicast());
    CHECK(try_parse_address("::")->is_any());
    CHECK(unmapped(*try_parse_address("::ffff:127.0.0.1")).is_loopback());
}

TEST_CASE("a socket address comes back as it went") {
    for (const char* text : {"192.0.2.7", "2001:db8::7"}) {
        const Endpoint endpoint{*try_parse_address(text), 8080};
        sockaddr_storage storage{};
        CHECK(to_sockaddr(endpoint, storage) > 0);
        CHECK(from_sockaddr(storage) == endpoint);
    }
    CHECK(Endpoint{*try_parse_address("::1"), 80}.str() == "[::1]:80");
}

TEST_CASE("a subnet contains, overlaps and counts") {
    const Subnet subnet = *try_parse_subnet("10.89.4.0/22");
    CHECK(subnet.contains(*try_parse_address("10.89.7.255")));
    CHECK_FALSE(subnet.contains(*try_parse_address("10.89.8.0")));
    CHECK_FALSE(subnet.contains(*try_parse_address("fd00::1")));
    CHECK(subnet.overlaps(*try_parse_subnet("10.0.0.0/8")));
    CHECK_FALSE(subnet.overlaps(*try_parse_subnet("10.89.8.0/24")));
    CHECK(subnet.at(2).str() == "10.89.4.2");
    CHECK(subnet.at(257).str() == "10.89.5.1");
    CHECK(try_parse_subnet("fd00::/64")->at(0x10002).str() == "fd00::1:2");
    CHECK(subnet.str() == "10.89.4.0/22");
    for (const char* wrong : {"10.89.4.1/22", "10.0.0.0", "10.0.0.0/33", "10.0.0.0/x", "x/8"}) {
        CHECK_FALSE(try_parse_subnet(wrong));
    }
}
