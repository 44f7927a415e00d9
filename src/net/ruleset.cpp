// Theory. Nothing is forwarded: all that leaves a container towards the outside ends in a socket of
// the gateway, whatever its destination (tproxy, and a default route that says "local").
//   - A SYN is dropped here: the helper has seen it by its packet socket, asks outside, and sends
//     it in again on the loopback once the outside has said yes. Only SYNs from there reach the
//     listener; nobody but the helper can send any there.
//   - TCP of a connection the gateway has goes to its socket; of one it does not have (any more)
//     gets a reset, so that a container learns of a helper that was killed.
//   - Datagrams go to the helper's socket. Echo requests the helper has seen, too.
//   - The bridge's own address answers DNS, ping and neighbour discovery.
#include "net/ruleset.hpp"

#include <linux/netfilter.h>
#include <netinet/in.h>

#include "net/inside_sockets.hpp"

namespace sandbox::net {
namespace {

constexpr std::uint8_t kSynAckRst = 0x16, kSyn = 0x02;

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
    add(NftRule().protocol(IPPROTO_TCP).transparent_socket().accept());
    add(NftRule().protocol(IPPROTO_TCP).reject_tcp());
    for (const Family& family : families) {
        add(NftRule().family(family.number).protocol(IPPROTO_UDP).tproxy(family.proxy).accept());
    }
    add(NftRule().drop());
    return chain;
}

}  // namespace sandbox::net
