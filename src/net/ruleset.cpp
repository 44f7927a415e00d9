// Theory. Nothing is forwarded: all that leaves a container towards the outside ends in a socket of
// the gateway, whatever its destination (tproxy, and a default route that says "local").
//   - A SYN is dropped here: the helper has seen it by its packet socket, asks outside, and sends
//     it in again on the loopback once the outside has said yes. Only SYNs from there reach the
//     listener; nobody but the helper can send any there.
//   - TCP of a connection the gateway has goes to its socket; of one it does not have (any more)
//     gets a reset, so that a container learns of a helper that was killed. Not at the first miss:
//     see kLookups.
//   - Datagrams go to the helper's socket. Echo requests the helper has seen, too.
//   - The bridge's own address answers DNS, ping and neighbour discovery.
#include "net/ruleset.hpp"

#include <linux/netfilter.h>
#include <netinet/in.h>

#include "net/inside_sockets.hpp"

namespace sandbox::net {
namespace {

constexpr std::uint8_t kSynAckRst = 0x16, kSyn = 0x02;

// When a handshake ends, the kernel takes the half-open socket out of its table before it puts the
// connected one in, and others look up without a lock (inet_ehash_insert() before Linux 6.19). A
// client's first data, on another processor than the handshake that the helper began, can find
// neither; that takes nanoseconds, or as long as an interrupt. So we look again, then drop the
// segment, and reset the connection when the very segment comes again: the client's kernel sends it
// within a second, longer where the way is slow.
constexpr int kLookups = 3;
constexpr std::chrono::seconds kMissRemembered{150};  // tcp(7): 75 s between keep-alive probes
constexpr std::uint32_t kMostMisses = 4096;           // beyond that a miss is a reset at once
const std::string kMissed = "missed";

void open_own_address(NftChain& chain, const IpAddress& address) {
    const std::uint8_t icmp =
        address.is_v6() ? std::uint8_t{IPPROTO_ICMPV6} : std::uint8_t{IPPROTO_ICMP};
    for (const std::uint8_t protocol : {IPPROTO_UDP, IPPROTO_TCP}) {
        chain.rules.push_back(
            NftRule().to_address(address).protocol(protocol).to_port(kDnsPort).accept());
    }
    chain.rules.push_back(NftRule().to_address(address).protocol(icmp).accept());
}

}  // namespace

NftChain make_gateway_chain(const IpAddress& gateway_v4,
                            const std::optional<IpAddress>& gateway_v6) {
    struct Family {
        std::uint8_t number;
        Endpoint proxy;
    };
    std::vector<Family> families{{NFPROTO_IPV4, {*try_parse_address("127.0.0.1"), kProxyPort}}};
    if (gateway_v6) families.push_back({NFPROTO_IPV6, {*try_parse_address("::1"), kProxyPort}});

    NftChain chain{"prerouting", NF_INET_PRE_ROUTING, -150 /* NF_IP_PRI_MANGLE */, {}};
    auto add = [&chain](NftRule rule) { chain.rules.push_back(std::move(rule)); };
    for (const Family& family : families) {
        add(NftRule()
                .in_link("lo")
                .family(family.number)
                .protocol(IPPROTO_TCP)
                .tcp_flags(kSynAckRst, kSyn)
                .tproxy(family.proxy)
                .accept());
    }
    add(NftRule().in_link(kGatewayLink, false).accept());
    open_own_address(chain, gateway_v4);
    if (gateway_v6) {
        open_own_address(chain, *gateway_v6);
        // Neighbour solicitation and advertisement: RFC 4861. No routers are heard.
        add(NftRule()
                .family(NFPROTO_IPV6)
                .protocol(IPPROTO_ICMPV6)
                .icmp_type_between(135, 136)
                .accept());
    }
    add(NftRule().for_this_host(false).drop());
    add(NftRule().protocol(IPPROTO_TCP).tcp_flags(kSynAckRst, kSyn).drop());
    for (int i = 0; i < kLookups; ++i) {
        add(NftRule().protocol(IPPROTO_TCP).transparent_socket().accept());
    }
    chain.sets.push_back({kMissed, kSegmentKeyBytes, kMostMisses, kMissRemembered});
    add(NftRule().protocol(IPPROTO_TCP).segment_is_in(kMissed).reject_tcp());
    add(NftRule().protocol(IPPROTO_TCP).add_segment_to(kMissed).drop());
    add(NftRule().protocol(IPPROTO_TCP).reject_tcp());
    for (const Family& family : families) {
        add(NftRule().family(family.number).protocol(IPPROTO_UDP).tproxy(family.proxy).accept());
    }
    add(NftRule().drop());
    return chain;
}

}  // namespace sandbox::net
