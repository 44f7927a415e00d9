#include "net/packet.hpp"

#include <netinet/in.h>

#include <catch2/catch.hpp>

#include "packet_support.hpp"

using namespace sandbox::net;

using sandbox::test::at;
using sandbox::test::make_tcp;

constexpr std::uint8_t kSyn = 0x02;

TEST_CASE("a SYN is seen with its addresses, and its checksum is finished") {
    for (const auto& [from, to] :
         {std::pair{"10.89.0.2", "192.0.2.1"}, {"fd00::2", "2001:db8::1"}}) {
        Bytes syn = make_tcp(at(from, 40000), at(to, 443), kSyn, 0xfffffff0);
        const auto packet = parse_packet(syn);
        REQUIRE(packet);
        CHECK(packet->opens_connection);
        CHECK(packet->from == at(from, 40000));
        CHECK(packet->to == at(to, 443));
        CHECK(packet->sequence == 0xfffffff0);
        syn.resize(syn.size() + 6);  // padding of a short frame
        finish_tcp_checksum(syn, *packet);
        CHECK(syn.size() == packet->size);
        Bytes again = syn;
        finish_tcp_checksum(again, *packet);
        CHECK(again == syn);
    }
}

TEST_CASE("a refused SYN is acknowledged by a reset from where it went") {
    const Bytes syn = make_tcp(at("10.89.0.2", 40000), at("192.0.2.1", 443), kSyn, 0xffffffff);
    const Bytes reset = make_reset(*parse_packet(syn));
    const auto packet = parse_packet(reset);
    REQUIRE(packet);
    CHECK_FALSE(packet->opens_connection);
    CHECK(packet->from == at("192.0.2.1", 443));
    CHECK(packet->to == at("10.89.0.2", 40000));
    CHECK(reset[20 + 13] == 0x14);                                        // RST and ACK
    CHECK(Bytes(reset.begin() + 28, reset.begin() + 32) == Bytes(4, 0));  // 0xffffffff + 1
}

TEST_CASE("an unreachable quotes what it is about") {
    const Bytes syn = make_tcp(at("10.89.0.2", 40000), at("192.0.2.1", 443), kSyn, 7);
    const Bytes error = make_unreachable(syn, *parse_packet(syn), Unreachable::prohibited);
    CHECK(error[20] == 3);
    CHECK(error[21] == 13);
    CHECK(Bytes(error.begin() + 28, error.end()) == syn);
    CHECK(internet_checksum(ByteView(error).subspan(20)) == 0);
}

TEST_CASE("a datagram and an echo reply carry right checksums") {
    const Bytes payload{1, 2, 3};
    const Bytes datagram = make_datagram(at("192.0.2.1", 53), at("10.89.0.2", 4000), payload);
    CHECK(datagram.size() == 31);
    CHECK(internet_checksum(ByteView(datagram).first(20)) == 0);
    const Bytes reply = make_echo_reply(at("192.0.2.1", 0), at("10.89.0.2", 0x1234),
                                        Bytes{0, 0, 0, 0, 9, 9, 0, 1, 5});
    CHECK(internet_checksum(ByteView(reply).subspan(20)) == 0);
    CHECK(reply[24] == 0x12);
    CHECK(reply[25] == 0x34);
}

TEST_CASE("a port that nobody listens at is told with both ends of the datagram") {
    for (const auto& [client, service] :
         {std::pair{"192.0.2.9", "10.89.0.2"}, {"2001:db8::9", "fd00::2"}}) {
        const Endpoint from = at(client, 40000), to = at(service, 53);
        const Bytes bytes = make_datagram_unreachable(to, from, Unreachable::port);
        const auto packet = parse_packet(bytes);
        REQUIRE(packet);
        const auto refused = parse_refusal(bytes, *packet);
        REQUIRE(refused);
        CHECK(refused->from == from);
        CHECK(refused->to == to);
        const Bytes other = make_datagram_unreachable(to, from, Unreachable::host);
        CHECK_FALSE(parse_refusal(other, *parse_packet(other)));
    }
}

TEST_CASE("a refusal that is cut, or of somebody else's datagram, is none") {
    const Endpoint from = at("2001:db8::9", 40000), to = at("fd00::2", 53);
    const Bytes whole = make_datagram_unreachable(to, from, Unreachable::port);
    for (size_t size = 48; size < whole.size(); ++size) {
        Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
        cut[4] = 0;
        cut[5] = static_cast<std::uint8_t>(size - 40);
        const auto packet = parse_packet(cut);
        REQUIRE(packet);
        CHECK_FALSE(parse_refusal(cut, *packet));
    }
    constexpr size_t kQuoted = 48;
    const auto is_refusal = [&](size_t offset, std::uint8_t value) {
        Bytes changed = whole;
        changed[kQuoted + offset] = value;
        return parse_refusal(changed, *parse_packet(changed)).has_value();
    };
    CHECK_FALSE(is_refusal(0, 0x45));  // IPv4 inside of IPv6
    CHECK_FALSE(is_refusal(6, IPPROTO_TCP));
    CHECK_FALSE(is_refusal(8 + 15, 8));   // another sender
    CHECK_FALSE(is_refusal(24 + 15, 3));  // another receiver
    // IPv4: options before the ports, as many as there can be and more than there are.
    Bytes v4 =
        make_datagram_unreachable(at("10.89.0.2", 53), at("192.0.2.9", 1), Unreachable::port);
    v4[28] = 0x4f;
    CHECK_FALSE(parse_refusal(v4, *parse_packet(v4)));
    v4[28] = 0x44;
    CHECK_FALSE(parse_refusal(v4, *parse_packet(v4)));
}

TEST_CASE("what is cut, fragmented or of another kind is nothing") {
    const Bytes syn = make_tcp(at("10.89.0.2", 1), at("192.0.2.1", 2), kSyn, 3);
    for (size_t size = 0; size < syn.size(); ++size) {
        CHECK_FALSE(parse_packet(ByteView(syn).first(size)));
    }
    Bytes fragment = syn;
    fragment[6] = 0x20;
    CHECK_FALSE(parse_packet(fragment));
    Bytes udp = syn;
    udp[9] = IPPROTO_UDP;
    CHECK_FALSE(parse_packet(udp));
    Bytes long_head = syn;
    long_head[20 + 12] = 0xf0;
    CHECK_FALSE(parse_packet(long_head));
}
