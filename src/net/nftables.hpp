// An encoder for nf_tables: a batch of table, chains and rules. Rules are told by what they match
// and do; no nft program. linux/netfilter/nf_tables.h. What the gateway's rules are: ruleset.hpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "net/netlink.hpp"

namespace sandbox::net {

// One rule, expression by expression, in the order in which the kernel is to evaluate them.
class NftRule {
  public:
    NftRule& in_link(const std::string& name, bool equal = true);  // meta iifname
    NftRule& out_link(const std::string& name);                    // meta oifname
    NftRule& ether_type(std::uint16_t type);                       // meta protocol
    NftRule& next_header(std::uint8_t number);                     // of IPv6
    NftRule& by_chance(std::uint32_t ppm);          // of a million packets so many match
    NftRule& family(std::uint8_t nfproto);          // NFPROTO_IPV4, NFPROTO_IPV6
    NftRule& protocol(std::uint8_t number);         // meta l4proto
    NftRule& for_this_host(bool equal);             // meta pkttype host
    NftRule& to_address(const IpAddress& address);  // also matches the family
    NftRule& to_port(std::uint16_t port);           // after protocol()
    NftRule& tcp_flags(std::uint8_t mask, std::uint8_t value);  // after protocol(tcp)
    NftRule& icmp_type_between(std::uint8_t first, std::uint8_t last);
    NftRule& transparent_socket();  // a socket with IP_TRANSPARENT owns this flow
    // Of a set whose keys are kSegmentKeyBytes long: ports and sequence number, which a segment
    // that is sent again has again. The second matches unless the set is full. After protocol(tcp).
    NftRule& segment_is_in(const std::string& set);
    NftRule& add_segment_to(const std::string& set);
    NftRule& set_mark(std::uint32_t mark);
    NftRule& tproxy(const Endpoint& to);  // after family() and protocol()
    NftRule& accept();
    NftRule& drop();
    NftRule& reject_tcp();  // with a reset

    [[nodiscard]] const std::vector<std::uint8_t>& expressions() const noexcept {
        return list_.bytes();
    }

  private:
    template <typename F>
    NftRule& expression(std::string_view name, F&& fill);
    NftRule& load_meta(std::uint32_t key);
    NftRule& load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size);
    NftRule& compare(std::uint32_t operation, const void* data, size_t size);
    NftRule& load_immediate(std::uint32_t reg, const void* data, size_t size);
    NftRule& verdict(std::uint32_t code);

    NetlinkMessage list_;
};

constexpr std::uint32_t kSegmentKeyBytes = 8;  // the first two words of TCP's header: RFC 9293

// A set that rules fill, of keys that leave it by themselves.
struct NftSet {
    std::string name;
    std::uint32_t key_bytes = 0;
    std::uint32_t most = 0;
    std::chrono::milliseconds lifetime{0};
};

struct NftChain {
    std::string name;
    std::uint32_t hook = 0;  // NF_INET_PRE_ROUTING, …
    std::int32_t priority = 0;
    std::vector<NftRule> rules;
    std::vector<NftSet> sets = {};  // that the rules speak of; the table's, by their names
};

// All messages of the two below, ready to be sent. Pure.
[[nodiscard]] NetlinkMessage make_installation(const std::string& table,
                                               const std::vector<NftChain>& chains);
[[nodiscard]] NetlinkMessage make_replacement(std::uint8_t family, const std::string& table,
                                              const std::vector<NftChain>& chains);

// Replaces nothing: the table must not exist yet. Throws SysError, with a cure where a kernel part
// is missing.
void install_table(NetlinkSocket& netfilter, const std::string& table,
                   const std::vector<NftChain>& chains);

// Of another family (NFPROTO_BRIDGE, …); a table of that name is replaced in the same moment.
// Throws SysError without a cure.
void replace_table(NetlinkSocket& netfilter, std::uint8_t family, const std::string& table,
                   const std::vector<NftChain>& chains);

}  // namespace sandbox::net
