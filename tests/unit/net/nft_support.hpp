// Rules of the packet filter, read back from their bytes and carried out on a packet, as nf_tables
// does it (linux/netfilter/nf_tables.h; nft_cmp.c, nft_payload.c, nft_numgen.c of the kernel). What
// the kernel would refuse throws.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/bytes.hpp"
#include "net/nftables.hpp"

namespace sandbox::test {

// Netlink attributes. Throws when one is longer than what it is in, or not aligned.
struct NetlinkAttribute {
    int type = 0;  // without flags
    net::ByteView value;
};
[[nodiscard]] std::vector<NetlinkAttribute> read_attributes(net::ByteView bytes);

struct NetlinkPart {  // one message of a batch
    int type = 0, flags = 0;
    net::ByteView header;  // nfgenmsg
    std::vector<NetlinkAttribute> attributes;
    [[nodiscard]] std::string text(int attribute) const;  // without the closing zero; "" without
};
[[nodiscard]] std::vector<NetlinkPart> read_messages(net::ByteView bytes);

// A packet as the rules see it.
struct Passing {
    std::string in, out;
    bool for_this_host = true;
    net::Bytes packet;                // from the internet header on
    bool transparent_socket = false;  // has one
    std::uint32_t random = 0;         // of a million
    std::uint16_t ether_type = 0;     // 0: from the packet
    // What the rules have put into sets; absent: every set is full.
    std::map<std::string, std::set<net::Bytes>>* sets = nullptr;
};
struct Fate {
    enum class Kind { accepted, dropped, reset } kind = Kind::accepted;
    std::optional<net::Endpoint> proxy;
    std::uint32_t mark = 0;
    bool operator==(const Fate&) const = default;
};
// Absent: the rule does not match, or says nothing of the packet's fate.
[[nodiscard]] std::optional<Fate> apply_rule(const net::NftRule& rule, const Passing& passing);
// A chain's policy is to accept.
[[nodiscard]] Fate apply_chain(const net::NftChain& chain, const Passing& passing);

}  // namespace sandbox::test
