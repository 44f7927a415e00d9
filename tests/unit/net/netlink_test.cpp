#include "net/netlink.hpp"

#include <linux/rtnetlink.h>

#include <catch2/catch.hpp>
#include <cstring>

#include "net/nftables.hpp"

using namespace sandbox::net;

namespace {
std::uint32_t u32_at(const std::vector<std::uint8_t>& bytes, size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}
std::uint16_t u16_at(const std::vector<std::uint8_t>& bytes, size_t at) {
    std::uint16_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}
}  // namespace

TEST_CASE("a netlink message counts its attributes and its padding") {
    ifinfomsg header{};
    NetlinkMessage message(RTM_NEWLINK, NLM_F_CREATE, header);
    message.put_text(IFLA_IFNAME, "br0");  // 4 + 4
    message.put_u8(1, 7);                  // 4 + 1, padded to 8
    CHECK(message.bytes().size() == NLMSG_HDRLEN + sizeof header + 8 + 8);
    CHECK(u32_at(message.bytes(), 0) == message.bytes().size());
    CHECK(u16_at(message.bytes(), 4) == RTM_NEWLINK);
    CHECK(u16_at(message.bytes(), NLMSG_HDRLEN + sizeof header + 8) == 5);
}

TEST_CASE("a nest spans what was put into it") {
    NetlinkMessage message(RTM_NEWLINK, 0, ifinfomsg{});
    const size_t nest = message.begin_nest(IFLA_LINKINFO);
    message.put_text(1, "veth");  // 4 + 5, padded to 12
    message.end_nest(nest);
    CHECK(u16_at(message.bytes(), nest) == 16);
    CHECK(u16_at(message.bytes(), nest + 2) == (IFLA_LINKINFO | NLA_F_NESTED));
}

TEST_CASE("a batch holds each message's own length") {
    NetlinkMessage batch(1, 0, std::uint32_t{0});
    const std::uint32_t body = 5;
    batch.begin(2, NLM_F_ACK, &body, sizeof body);
    batch.put_be32(3, 0x01020304);
    CHECK(batch.count() == 2);
    CHECK(u32_at(batch.bytes(), 0) == 20);
    CHECK(u32_at(batch.bytes(), 20) == 28);
    CHECK(batch.bytes()[20 + 20 + 4] == 1);
}

TEST_CASE("a rule without expressions is empty, and each expression is one element") {
    NftRule rule;
    CHECK(rule.expressions().empty());
    rule.drop();
    CHECK(u16_at(rule.expressions(), 0) == rule.expressions().size());
}
