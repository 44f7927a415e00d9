#include "net/nftables.hpp"

#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_bridge.h>
#include <netinet/in.h>

#include <catch2/catch.hpp>

#include "net/faults.hpp"
#include "net/inside_sockets.hpp"
#include "net/packet.hpp"
#include "net/ruleset.hpp"
#include "nft_support.hpp"
#include "packet_support.hpp"

using namespace sandbox::net;
using sandbox::test::apply_chain;
using sandbox::test::apply_rule;
using sandbox::test::at;
using sandbox::test::Fate;
using sandbox::test::make_tcp;
using sandbox::test::NetlinkPart;
using sandbox::test::Passing;
using Kind = sandbox::test::Fate::Kind;

namespace {

Bytes udp(const char* from, const Endpoint& to) {
    return make_datagram(at(from, 40000), to, Bytes{1, 2, 3});
}

Bytes icmp(const char* from, const char* to, std::uint8_t type) {
    Bytes bytes = make_echo_reply(at(from, 0), at(to, 1), Bytes(8));
    bytes[at(from, 0).address.is_v6() ? 40 : 20] = type;
    return bytes;
}

bool matches(NftRule rule, const Passing& passing) {
    return apply_rule(rule.drop(), passing).has_value();
}

Passing from_link(std::string in, std::string out = "") {
    Passing passing;
    passing.in = std::move(in);
    passing.out = std::move(out);
    passing.packet = udp("10.89.0.2", at("192.0.2.1", 53));
    return passing;
}

Passing with(Bytes packet, std::string in = kGatewayLink) {
    Passing passing = from_link(std::move(in));
    passing.packet = std::move(packet);
    return passing;
}

}  // namespace

TEST_CASE("a link is matched by its whole name") {
    const Passing passing = from_link("port1", "port10");
    CHECK(matches(NftRule().in_link("port1").out_link("port10"), passing));
    CHECK_FALSE(matches(NftRule().in_link("port10"), passing));
    CHECK_FALSE(matches(NftRule().in_link("port"), passing));
    CHECK_FALSE(matches(NftRule().out_link("port1"), passing));
    CHECK_FALSE(matches(NftRule().in_link("port1", false), passing));
    CHECK(matches(NftRule().in_link("port2", false), passing));
    // IFNAMSIZ with the closing zero: longer ones there are none.
    CHECK(matches(NftRule().in_link("port12345678901"), from_link("port12345678901")));
}

TEST_CASE("addresses, ports and flags are found where the headers have them") {
    const Passing v4 = with(udp("10.89.0.2", at("192.0.2.1", 0x1234)));
    const Passing v6 = with(udp("fd00::2", at("2001:db8::1", 0x1234)));
    CHECK(matches(NftRule().to_address(at("192.0.2.1", 0).address), v4));
    CHECK_FALSE(matches(NftRule().to_address(at("10.89.0.2", 0).address), v4));
    CHECK_FALSE(matches(NftRule().to_address(at("2001:db8::1", 0).address), v4));
    CHECK(matches(NftRule().to_address(at("2001:db8::1", 0).address), v6));
    CHECK_FALSE(matches(NftRule().to_address(at("2001:db8::2", 0).address), v6));
    for (const Passing& passing : {v4, v6}) {
        CHECK(matches(NftRule().protocol(IPPROTO_UDP).to_port(0x1234), passing));
        CHECK_FALSE(matches(NftRule().protocol(IPPROTO_UDP).to_port(0x3412), passing));
        CHECK_FALSE(matches(NftRule().protocol(IPPROTO_UDP).to_port(40000), passing));
        CHECK_FALSE(matches(NftRule().protocol(IPPROTO_TCP), passing));
    }
    CHECK(matches(NftRule().family(NFPROTO_IPV6).next_header(IPPROTO_UDP), v6));
    CHECK(matches(NftRule().ether_type(ETH_P_IPV6), v6));
    CHECK_FALSE(matches(NftRule().ether_type(ETH_P_IPV6), v4));
    for (const int flags : {0x02, 0xc2, 0x12, 0x10, 0x06}) {
        const Passing passing = with(
            make_tcp(at("10.89.0.2", 1), at("192.0.2.1", 2), static_cast<std::uint8_t>(flags)));
        // SYN without ACK and RST; those for congestion (RFC 3168) do not count.
        CHECK(matches(NftRule().protocol(IPPROTO_TCP).tcp_flags(0x16, 0x02), passing) ==
              (flags == 0x02 || flags == 0xc2));
    }
}

TEST_CASE("by chance so many of a million match") {
    constexpr std::uint32_t kMillion = 1'000'000;
    const auto hit = [](std::uint32_t ppm, std::uint32_t number) {
        Passing passing = from_link("port1");
        passing.random = number;
        return matches(NftRule().by_chance(ppm), passing);
    };
    for (const std::uint32_t ppm : {1u, 255u, 256u, 20'000u, 65'536u, kMillion - 1}) {
        CHECK(hit(ppm, 0));
        CHECK(hit(ppm, ppm - 1));
        CHECK_FALSE(hit(ppm, ppm));
        CHECK_FALSE(hit(ppm, kMillion - 1));
    }
    CHECK_FALSE(hit(0, 0));
    CHECK(hit(kMillion, kMillion - 1));
}

TEST_CASE("a proxy and a mark are what was said") {
    for (const auto& [from, to, proxy] :
         {std::tuple{"10.89.0.2", "192.0.2.1", "127.0.0.1"}, {"fd00::2", "2001:db8::1", "::1"}}) {
        const Passing passing = with(udp(from, at(to, 9)));
        const auto fate =
            apply_rule(NftRule().set_mark(0x01020304).tproxy(at(proxy, 4660)).accept(), passing);
        REQUIRE(fate);
        CHECK(fate->kind == Kind::accepted);
        CHECK(fate->proxy == at(proxy, 4660));
        CHECK(fate->mark == 0x01020304);
    }
}

TEST_CASE("the gateway holds, proxies, refuses and answers as its theory says") {
    const IpAddress v4 = at("10.89.0.1", 0).address, v6 = at("fd00::1", 0).address;
    const NftChain chain = make_gateway_chain(v4, v6);
    struct Family {
        const char *container, *outside, *gateway, *loopback;
        std::uint8_t echo;
    };
    for (const Family& each : {Family{"10.89.0.2", "192.0.2.1", "10.89.0.1", "127.0.0.1", 8},
                               Family{"fd00::2", "2001:db8::1", "fd00::1", "::1", 128}}) {
        const Endpoint inside = at(each.container, 40000), outside = at(each.outside, 443);
        const Endpoint proxy = at(each.loopback, kProxyPort);
        const Bytes syn = make_tcp(inside, outside, 0x02);
        CHECK(apply_chain(chain, with(syn)) == Fate{Kind::dropped, {}, 0});
        CHECK(apply_chain(chain, with(syn, "lo")) == Fate{Kind::accepted, proxy, 0});
        Passing segment = with(make_tcp(inside, outside, 0x10));
        segment.transparent_socket = true;
        CHECK(apply_chain(chain, segment) == Fate{Kind::accepted, {}, 0});
        CHECK(apply_chain(chain, with(udp(each.container, at(each.outside, 53)))) ==
              Fate{Kind::accepted, proxy, 0});
        CHECK(apply_chain(chain, with(icmp(each.container, each.outside, each.echo))) ==
              Fate{Kind::dropped, {}, 0});
        // To the gateway: DNS and ping; other datagrams are the helper's, which refuses them.
        CHECK(apply_chain(chain, with(udp(each.container, at(each.gateway, 53)))) ==
              Fate{Kind::accepted, {}, 0});
        CHECK(apply_chain(chain, with(make_tcp(inside, at(each.gateway, 53), 0x02))) ==
              Fate{Kind::accepted, {}, 0});
        CHECK(apply_chain(chain, with(icmp(each.container, each.gateway, each.echo))) ==
              Fate{Kind::accepted, {}, 0});
        CHECK(apply_chain(chain, with(udp(each.container, at(each.gateway, 54)))) ==
              Fate{Kind::accepted, proxy, 0});
        CHECK(apply_chain(chain, with(make_tcp(inside, at(each.gateway, 54), 0x02))) ==
              Fate{Kind::dropped, {}, 0});
        // Between two containers the bridge passes it on; it is no business of the gateway's.
        Passing others = with(udp(each.container, at(each.outside, 53)));
        others.for_this_host = false;
        CHECK(apply_chain(chain, others) == Fate{Kind::dropped, {}, 0});
    }
    for (const std::uint8_t type : {std::uint8_t{135}, std::uint8_t{136}}) {
        CHECK(apply_chain(chain, with(icmp("fe80::2", "ff02::1", type))).kind == Kind::accepted);
    }
    CHECK(apply_chain(chain, with(icmp("fe80::2", "ff02::1", 134))).kind == Kind::dropped);
}

TEST_CASE("a segment without a socket is dropped, and resets its connection when it comes again") {
    const NftChain chain = make_gateway_chain(at("10.89.0.1", 0).address, at("fd00::1", 0).address);
    for (const auto& [container, outside] :
         {std::pair{"10.89.0.2", "192.0.2.1"}, {"fd00::2", "2001:db8::1"}}) {
        std::map<std::string, std::set<Bytes>> sets;
        const auto fate = [&](std::uint16_t port, std::uint8_t flags, bool has_socket = false) {
            Passing segment = with(make_tcp(at(container, port), at(outside, 443), flags));
            segment.transparent_socket = has_socket;
            segment.sets = &sets;
            return apply_chain(chain, segment).kind;
        };
        CHECK(fate(40000, 0x10) == Kind::dropped);
        CHECK(fate(40001, 0x10) == Kind::dropped);
        CHECK(fate(40000, 0x10, true) == Kind::accepted);  // found this time
        CHECK(fate(40000, 0x10) == Kind::reset);
        CHECK(fate(40000, 0x18) == Kind::reset);  // flags may differ when it is sent again
        // A container that fills the set has what it had without one.
        Passing segment = with(make_tcp(at(container, 40003), at(outside, 443), 0x10));
        CHECK(apply_chain(chain, segment).kind == Kind::reset);
    }
}

TEST_CASE("a set comes before the rules that speak of it, with all that the kernel asks for") {
    const NftChain chain = make_gateway_chain(at("10.89.0.1", 0).address, std::nullopt);
    REQUIRE(chain.sets.size() == 1);
    const NetlinkMessage batch = make_installation("gateway", {chain});
    const auto messages = sandbox::test::read_messages(batch.bytes());
    const auto is = [](int message) {
        return [message](const NetlinkPart& part) {
            return part.type == (NFNL_SUBSYS_NFTABLES << 8 | message);
        };
    };
    const auto set = std::find_if(messages.begin(), messages.end(), is(NFT_MSG_NEWSET));
    REQUIRE(set != messages.end());
    CHECK(set < std::find_if(messages.begin(), messages.end(), is(NFT_MSG_NEWRULE)));
    CHECK(set->text(NFTA_SET_TABLE) == "gateway");
    CHECK(set->text(NFTA_SET_NAME) == chain.sets[0].name);
    CHECK(chain.sets[0].key_bytes == kSegmentKeyBytes);
}

TEST_CASE("without IPv6 nothing of it goes anywhere") {
    const NftChain chain = make_gateway_chain(at("10.89.0.1", 0).address, std::nullopt);
    CHECK(apply_chain(chain, with(udp("fd00::2", at("2001:db8::1", 53)))).kind == Kind::dropped);
    CHECK(apply_chain(chain, with(icmp("fe80::2", "ff02::1", 135))).kind == Kind::dropped);
}

TEST_CASE("a partition is silence between the two, and between no others") {
    NetworkFault fault;
    fault.partition = true;
    fault.drop_ppm = 1;
    NftChain chain;
    add_fault_rules(chain, fault, "port1", "port2");
    const auto fate = [&](std::string in, std::string out, Bytes packet) {
        Passing passing = with(std::move(packet), std::move(in));
        passing.out = std::move(out);
        passing.random = 999'999;
        return apply_chain(chain, passing).kind;
    };
    const Bytes v4 = udp("10.89.0.2", at("10.89.0.3", 53));
    const Bytes v6 = udp("fd00::2", at("fd00::3", 53));
    for (const Bytes& packet :
         {v4, v6, icmp("10.89.0.2", "10.89.0.3", 8), icmp("fd00::2", "fd00::3", 134),
          icmp("fd00::2", "fd00::3", 128), icmp("fd00::2", "fd00::3", 137)}) {
        CHECK(fate("port1", "port2", packet) == Kind::dropped);
        CHECK(fate("port2", "port1", packet) == Kind::accepted);  // has rules of its own
        CHECK(fate("port1", "port3", packet) == Kind::accepted);
        CHECK(fate("port1", kGatewayLink, packet) == Kind::accepted);
        CHECK(fate("port12", "port2", packet) == Kind::accepted);
    }
    for (const std::uint8_t type : {std::uint8_t{135}, std::uint8_t{136}}) {
        CHECK(fate("port1", "port2", icmp("fd00::2", "fd00::3", type)) == Kind::accepted);
        // The same numbers of IPv4's protocol 58 are no neighbour discovery.
        Bytes odd = icmp("10.89.0.2", "10.89.0.3", type);
        odd[9] = IPPROTO_ICMPV6;
        CHECK(fate("port1", "port2", odd) == Kind::dropped);
    }
    Passing arp = from_link("port1", "port2");
    arp.ether_type = ETH_P_ARP;
    CHECK(apply_chain(chain, arp).kind == Kind::accepted);
}

TEST_CASE("loss drops its share; what is delayed is dropped here and sent by the line") {
    NetworkFault fault;
    fault.drop_ppm = 20'000;
    const auto is_dropped = [&](std::uint32_t number) {
        NftChain chain;
        add_fault_rules(chain, fault, "port1", "port2");
        Passing passing = from_link("port1", "port2");
        passing.random = number;
        return apply_chain(chain, passing).kind == Kind::dropped;
    };
    CHECK(is_dropped(19'999));
    CHECK_FALSE(is_dropped(20'000));
    // The line loses its share by itself.
    fault.delay = std::chrono::milliseconds(5);
    CHECK(is_dropped(20'000));
}

TEST_CASE("a table comes as one batch, whose last rule alone is acknowledged") {
    const std::vector<NftChain> chains{
        {"one", NF_INET_PRE_ROUTING, -150, {NftRule().drop(), NftRule().accept()}},
        {"two", NF_INET_LOCAL_OUT, 7, {NftRule().accept()}}};
    const NetlinkMessage batch = make_installation("gateway", chains);
    const auto parts = sandbox::test::read_messages(batch.bytes());
    std::vector<int> types, acknowledged;
    for (const NetlinkPart& part : parts) {
        types.push_back(part.type & 0xff);
        if ((part.flags & NLM_F_ACK) != 0) acknowledged.push_back(part.type & 0xff);
        CHECK((part.flags & NLM_F_REQUEST) != 0);
    }
    CHECK(types == std::vector<int>{NFNL_MSG_BATCH_BEGIN, NFT_MSG_NEWTABLE, NFT_MSG_NEWCHAIN,
                                    NFT_MSG_NEWRULE, NFT_MSG_NEWRULE, NFT_MSG_NEWCHAIN,
                                    NFT_MSG_NEWRULE, NFNL_MSG_BATCH_END});
    CHECK(acknowledged == std::vector<int>{NFT_MSG_NEWRULE});
    CHECK((parts.at(6).flags & NLM_F_ACK) != 0);
    // res_id of the batch says whose it is, in network order: linux/netfilter/nfnetlink.h.
    CHECK(parts.at(0).header[2] == 0);
    CHECK(parts.at(0).header[3] == NFNL_SUBSYS_NFTABLES);
    CHECK(parts.at(1).header[0] == NFPROTO_INET);
    CHECK(parts.at(2).text(NFTA_CHAIN_NAME) == "one");
    CHECK(parts.at(2).text(NFTA_CHAIN_TABLE) == "gateway");
    CHECK(parts.at(6).text(NFTA_RULE_CHAIN) == "two");
    for (const auto& attribute : parts.at(2).attributes) {
        if (attribute.type != NFTA_CHAIN_HOOK) continue;
        const auto hook = sandbox::test::read_attributes(attribute.value);
        REQUIRE(hook.size() == 2);
        CHECK(Bytes(hook[0].value.begin(), hook[0].value.end()) == Bytes{0, 0, 0, 0});
        CHECK(Bytes(hook[1].value.begin(), hook[1].value.end()) == Bytes{0xff, 0xff, 0xff, 0x6a});
    }
    // Rules are appended: by themselves they would go to the front.
    for (const size_t i : {3u, 4u, 6u}) CHECK((parts.at(i).flags & NLM_F_APPEND) != 0);
}

TEST_CASE("a replacement takes the former table away in the same batch, also without a rule") {
    for (const bool empty : {true, false}) {
        NftChain chain{"forward", NF_BR_FORWARD, 0, {}};
        if (!empty) chain.rules.push_back(NftRule().drop());
        const NetlinkMessage batch = make_replacement(NFPROTO_BRIDGE, "faults", {chain});
        const auto parts = sandbox::test::read_messages(batch.bytes());
        std::vector<int> types;
        int acknowledged = 0;
        for (const NetlinkPart& part : parts) {
            types.push_back(part.type & 0xff);
            acknowledged += (part.flags & NLM_F_ACK) != 0 ? 1 : 0;
        }
        std::vector<int> wanted{NFNL_MSG_BATCH_BEGIN, NFT_MSG_NEWTABLE, NFT_MSG_DELTABLE,
                                NFT_MSG_NEWTABLE, NFT_MSG_NEWCHAIN};
        if (!empty) wanted.push_back(NFT_MSG_NEWRULE);
        wanted.insert(wanted.end(), {NFT_MSG_NEWTABLE, NFNL_MSG_BATCH_END});
        CHECK(types == wanted);
        CHECK(acknowledged == 1);
        CHECK((parts.at(parts.size() - 2).flags & NLM_F_ACK) != 0);
        for (size_t i = 1; i + 1 < parts.size(); ++i) CHECK(parts[i].header[0] == NFPROTO_BRIDGE);
        CHECK((parts.at(2).flags & NLM_F_CREATE) == 0);
    }
}
