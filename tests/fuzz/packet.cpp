// A packet off a container's link: it is nothing, or its parts lie inside of it and every answer to
// it is a packet with right checksums.
#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "net/packet.hpp"

namespace {

using namespace sandbox::net;

void require(bool holds) {
    if (!holds) std::abort();
}

// The header's own checksum (IPv4), and that the lengths say what there is.
void check_answer(const Bytes& answer, const Packet& asked) {
    const bool v6 = asked.from.address.is_v6();
    require(answer.size() > (v6 ? 40u : 20u));
    require(answer[0] >> 4 == (v6 ? 6 : 4));
    if (!v6) require(internet_checksum(ByteView(answer).first(20)) == 0);
    if (!v6 && answer[9] == IPPROTO_ICMP) {
        require(internet_checksum(ByteView(answer).subspan(20)) == 0);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    const ByteView bytes(data, size_bytes);
    const auto packet = parse_packet(bytes);
    if (!packet) return 0;
    require(packet->body < packet->size && packet->size <= size_bytes);
    require(!(packet->opens_connection && packet->asks_echo));
    for (const Unreachable why :
         {Unreachable::network, Unreachable::host, Unreachable::port, Unreachable::prohibited}) {
        const Bytes error = make_unreachable(bytes, *packet, why);
        check_answer(error, *packet);
        require(error.size() <= 1280);
    }
    if (const auto refused = parse_refusal(bytes, *packet)) {
        require(packet->protocol != IPPROTO_TCP && !packet->asks_echo);
        require(refused->from.address == packet->to.address);
        require(refused->to.address == packet->from.address);
    }
    if (packet->protocol == IPPROTO_TCP) {
        require(packet->body + 20 + packet->tcp_payload_bytes <= packet->size);
        Bytes syn(bytes.begin(), bytes.end());
        finish_tcp_checksum(syn, *packet);
        require(syn.size() == packet->size);
        const auto again = parse_packet(syn);
        require(again && again->from == packet->from && again->to == packet->to &&
                again->sequence == packet->sequence);
        const Bytes reset = make_reset(*packet);
        check_answer(reset, *packet);
        const auto answered = parse_packet(reset);
        require(answered && answered->to == packet->from && !answered->opens_connection);
    } else if (packet->asks_echo) {
        const ByteView message = bytes.subspan(packet->body, packet->size - packet->body);
        check_answer(make_echo_reply({packet->to.address, 0},
                                     {packet->from.address, packet->echo_id}, message),
                     *packet);
    }
    return 0;
}
