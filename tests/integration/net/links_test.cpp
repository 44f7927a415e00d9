#include "net/links.hpp"

#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "net/nftables.hpp"
#include "sandbox/base/error.hpp"
#include "support/skip.hpp"
#include "world_support.hpp"

using namespace sandbox;
using namespace sandbox::net;

TEST_CASE("two namespaces of sibling owners are joined by a veth pair from outside both") {
    SANDBOX_SKIP_UNLESS(test::has_namespaces(), "no user namespaces");
    const base::UniqueFd hub = test::make_netns();
    const base::UniqueFd leaf = test::make_netns();
    NetlinkSocket hub_route = test::route_socket(hub.get());
    NetlinkSocket leaf_route = test::route_socket(leaf.get());

    add_bridge(hub_route, "br0", 65535);
    const LinkInfo bridge = find_link(hub_route, "br0");
    add_address(hub_route, bridge.index, *try_parse_address("10.89.0.1"), 24);
    set_link_up(hub_route, bridge.index, true);
    add_veth(hub_route, {"v2", "eth0", leaf.get(), 65535});
    const LinkInfo port = find_link(hub_route, "v2");
    set_link_master(hub_route, port.index, bridge.index);
    set_link_up(hub_route, port.index, true);

    const LinkInfo eth0 = find_link(leaf_route, "eth0");
    CHECK(eth0.mtu == 65535);
    add_address(leaf_route, eth0.index, *try_parse_address("10.89.0.2"), 24);
    set_link_up(leaf_route, eth0.index, true);
    add_route(leaf_route, {Subnet{}, *try_parse_address("10.89.0.1"), eth0.index});

    // A datagram goes over; nobody listens, so the answer is "refused".
    CHECK(test::inside(leaf.get(), [] {
        const base::UniqueFd udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        sockaddr_storage to{};
        const socklen_t size = to_sockaddr({*try_parse_address("10.89.0.1"), 9}, to);
        if (::connect(udp.get(), reinterpret_cast<sockaddr*>(&to), size) != 0) return false;
        if (::send(udp.get(), "x", 1, 0) != 1) return false;
        char byte = 0;
        return ::recv(udp.get(), &byte, 1, 0) < 0 && errno == ECONNREFUSED;
    }));
}

TEST_CASE("links are renamed, moved and removed; a second one of the name is refused") {
    SANDBOX_SKIP_UNLESS(test::has_namespaces(), "no user namespaces");
    const base::UniqueFd first = test::make_netns();
    const base::UniqueFd second = test::make_netns();
    NetlinkSocket route = test::route_socket(first.get());
    NetlinkSocket other = test::route_socket(second.get());
    add_veth(route, {"a", "b", -1, 1500});
    CHECK_THROWS_AS(add_veth(route, {"a", "c", -1, 1500}), base::SysError);
    rename_link(route, find_link(route, "b").index, "c");
    CHECK_FALSE(try_find_link(route, "b"));
    move_link(route, find_link(route, "c").index, second.get());
    CHECK_FALSE(try_find_link(route, "c"));
    CHECK(try_find_link(other, "c"));
    remove_link(route, find_link(route, "a").index);
    CHECK_FALSE(try_find_link(other, "c"));
}

TEST_CASE("a neighbour and a rule by mark are accepted in both families") {
    SANDBOX_SKIP_UNLESS(test::has_namespaces(), "no user namespaces");
    const base::UniqueFd netns = test::make_netns();
    NetlinkSocket route = test::route_socket(netns.get());
    const int lo = find_link(route, "lo").index;
    set_link_up(route, lo, true);
    for (const char* any : {"0.0.0.0/0", "::/0"}) {
        const Subnet all = *try_parse_subnet(any);
        add_mark_rule(route, all.base.family, 1, 100);
        add_route(route, {all, {}, lo, 100, true});
    }
    add_veth(route, {"a", "b", -1, 1500});
    const LinkInfo link = find_link(route, "a");
    set_link_up(route, link.index, true);
    CHECK_NOTHROW(add_neighbour(route, link.index, *try_parse_address("10.1.1.1"), link.mac));
}

TEST_CASE("a ruleset is taken by the kernel, and a wrong one is told") {
    SANDBOX_SKIP_UNLESS(test::has_namespaces(), "no user namespaces");
    const base::UniqueFd netns = test::make_netns();
    auto made = make_inside(netns.get(), [] {
        Descriptors fds;
        fds.emplace_back(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
        return fds;
    });
    NetlinkSocket netfilter(std::move(made.at(0)));
    NftChain chain{"prerouting", NF_INET_PRE_ROUTING, -150, {}};
    const Endpoint v4{*try_parse_address("127.0.0.1"), 7};
    const Endpoint v6{*try_parse_address("::1"), 7};
    chain.rules.push_back(NftRule()
                              .in_link("br0")
                              .family(NFPROTO_IPV4)
                              .protocol(IPPROTO_TCP)
                              .tproxy(v4)
                              .set_mark(1)
                              .accept());
    chain.rules.push_back(
        NftRule().family(NFPROTO_IPV6).protocol(IPPROTO_UDP).tproxy(v6).set_mark(1).accept());
    chain.rules.push_back(NftRule().protocol(IPPROTO_TCP).tcp_flags(0x12, 0x02).drop());
    chain.rules.push_back(
        NftRule().protocol(IPPROTO_TCP).transparent_socket().set_mark(1).accept());
    chain.sets.push_back({"missed", kSegmentKeyBytes, 16, std::chrono::seconds(1)});
    chain.rules.push_back(NftRule().protocol(IPPROTO_TCP).segment_is_in("missed").reject_tcp());
    chain.rules.push_back(NftRule().protocol(IPPROTO_TCP).add_segment_to("missed").drop());
    chain.rules.push_back(NftRule().protocol(IPPROTO_TCP).reject_tcp());
    chain.rules.push_back(
        NftRule().to_address(v4.address).protocol(IPPROTO_UDP).to_port(53).accept());
    chain.rules.push_back(NftRule().for_this_host(false).drop());
    install_table(netfilter, "gateway", {chain});

    NftChain wrong{"wrong", NF_INET_LOCAL_OUT, -150, {}};
    wrong.rules.push_back(NftRule().tproxy(v4));  // not in this hook
    CHECK_THROWS_AS(install_table(netfilter, "other", {wrong}), base::SysError);
}
