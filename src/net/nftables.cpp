#include "net/nftables.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sandbox/base/error.hpp"

namespace sandbox::net {
namespace {

nfgenmsg family_header(std::uint8_t family, std::uint16_t resource = 0) noexcept {
    nfgenmsg header{};
    header.nfgen_family = family;
    header.version = NFNETLINK_V0;
    header.res_id = htons(resource);
    return header;
}

constexpr int nft_type(int message) noexcept {
    return NFNL_SUBSYS_NFTABLES << 8 | message;
}

// NFTA_*_DATA: a nest around one value.
void put_value(NetlinkMessage& message, int type, const void* data, size_t size) {
    const size_t nest = message.begin_nest(type);
    message.put(NFTA_DATA_VALUE, data, size);
    message.end_nest(nest);
}

constexpr std::uint32_t kRegister = NFT_REG_1;
constexpr std::uint32_t kPortRegister = NFT_REG_2;

}  // namespace

template <typename F>
NftRule& NftRule::expression(std::string_view name, F&& fill) {
    const size_t element = list_.begin_nest(NFTA_LIST_ELEM);
    list_.put_text(NFTA_EXPR_NAME, name);
    const size_t data = list_.begin_nest(NFTA_EXPR_DATA);
    fill(list_);
    list_.end_nest(data);
    list_.end_nest(element);
    return *this;
}

NftRule& NftRule::load_meta(std::uint32_t key) {
    return expression("meta", [&](NetlinkMessage& out) {
        out.put_be32(NFTA_META_DREG, kRegister);
        out.put_be32(NFTA_META_KEY, key);
    });
}

NftRule& NftRule::load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t size) {
    return expression("payload", [&](NetlinkMessage& out) {
        out.put_be32(NFTA_PAYLOAD_DREG, kRegister);
        out.put_be32(NFTA_PAYLOAD_BASE, base);
        out.put_be32(NFTA_PAYLOAD_OFFSET, offset);
        out.put_be32(NFTA_PAYLOAD_LEN, size);
    });
}

NftRule& NftRule::compare(std::uint32_t operation, const void* data, size_t size) {
    return expression("cmp", [&](NetlinkMessage& out) {
        out.put_be32(NFTA_CMP_SREG, kRegister);
        out.put_be32(NFTA_CMP_OP, operation);
        put_value(out, NFTA_CMP_DATA, data, size);
    });
}

NftRule& NftRule::load_immediate(std::uint32_t reg, const void* data, size_t size) {
    return expression("immediate", [&](NetlinkMessage& out) {
        out.put_be32(NFTA_IMMEDIATE_DREG, reg);
        put_value(out, NFTA_IMMEDIATE_DATA, data, size);
    });
}

NftRule& NftRule::verdict(std::uint32_t code) {
    return expression("immediate", [&](NetlinkMessage& out) {
        out.put_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
        const size_t data = out.begin_nest(NFTA_IMMEDIATE_DATA);
        const size_t inner = out.begin_nest(NFTA_DATA_VERDICT);
        out.put_be32(NFTA_VERDICT_CODE, code);
        out.end_nest(inner);
        out.end_nest(data);
    });
}

NftRule& NftRule::in_link(const std::string& name, bool equal) {
    std::array<char, IFNAMSIZ> padded{};
    std::memcpy(padded.data(), name.data(), std::min(name.size(), padded.size() - 1));
    load_meta(NFT_META_IIFNAME);
    return compare(equal ? NFT_CMP_EQ : NFT_CMP_NEQ, padded.data(), padded.size());
}

NftRule& NftRule::out_link(const std::string& name) {
    std::array<char, IFNAMSIZ> padded{};
    std::memcpy(padded.data(), name.data(), std::min(name.size(), padded.size() - 1));
    load_meta(NFT_META_OIFNAME);
    return compare(NFT_CMP_EQ, padded.data(), padded.size());
}

NftRule& NftRule::ether_type(std::uint16_t type) {
    const std::uint16_t network_order = htons(type);
    load_meta(NFT_META_PROTOCOL);
    return compare(NFT_CMP_EQ, &network_order, sizeof network_order);
}

NftRule& NftRule::next_header(std::uint8_t number) {
    load_payload(NFT_PAYLOAD_NETWORK_HEADER, 6, 1);  // RFC 8200
    return compare(NFT_CMP_EQ, &number, sizeof number);
}

// The number is in the host's order, comparisons are in the network's.
NftRule& NftRule::by_chance(std::uint32_t ppm) {
    constexpr std::uint32_t kMillion = 1'000'000;
    expression("numgen", [](NetlinkMessage& out) {
        out.put_be32(NFTA_NG_DREG, kRegister);
        out.put_be32(NFTA_NG_MODULUS, kMillion);
        out.put_be32(NFTA_NG_TYPE, NFT_NG_RANDOM);
    });
    expression("byteorder", [](NetlinkMessage& out) {
        out.put_be32(NFTA_BYTEORDER_SREG, kRegister);
        out.put_be32(NFTA_BYTEORDER_DREG, kRegister);
        out.put_be32(NFTA_BYTEORDER_OP, NFT_BYTEORDER_HTON);
        out.put_be32(NFTA_BYTEORDER_LEN, sizeof ppm);
        out.put_be32(NFTA_BYTEORDER_SIZE, sizeof ppm);
    });
    const std::uint32_t limit = htonl(ppm);
    return compare(NFT_CMP_LT, &limit, sizeof limit);
}

NftRule& NftRule::family(std::uint8_t nfproto) {
    load_meta(NFT_META_NFPROTO);
    return compare(NFT_CMP_EQ, &nfproto, sizeof nfproto);
}

NftRule& NftRule::protocol(std::uint8_t number) {
    load_meta(NFT_META_L4PROTO);
    return compare(NFT_CMP_EQ, &number, sizeof number);
}

NftRule& NftRule::for_this_host(bool equal) {
    load_meta(NFT_META_PKTTYPE);
    const std::uint8_t host = 0;  // PACKET_HOST
    return compare(equal ? NFT_CMP_EQ : NFT_CMP_NEQ, &host, sizeof host);
}

NftRule& NftRule::to_address(const IpAddress& address) {
    family(address.is_v6() ? NFPROTO_IPV6 : NFPROTO_IPV4);
    // Where the destination stands in the header: RFC 791, RFC 8200.
    load_payload(NFT_PAYLOAD_NETWORK_HEADER, address.is_v6() ? 24 : 16,
                 static_cast<std::uint32_t>(address.size()));
    return compare(NFT_CMP_EQ, address.bytes.data(), address.size());
}

NftRule& NftRule::to_port(std::uint16_t port) {
    const std::uint16_t network_order = htons(port);
    load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
    return compare(NFT_CMP_EQ, &network_order, sizeof network_order);
}

NftRule& NftRule::tcp_flags(std::uint8_t mask, std::uint8_t value) {
    load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
    expression("bitwise", [&](NetlinkMessage& out) {
        const std::uint8_t zero = 0;
        out.put_be32(NFTA_BITWISE_SREG, kRegister);
        out.put_be32(NFTA_BITWISE_DREG, kRegister);
        out.put_be32(NFTA_BITWISE_LEN, 1);
        put_value(out, NFTA_BITWISE_MASK, &mask, sizeof mask);
        put_value(out, NFTA_BITWISE_XOR, &zero, sizeof zero);
    });
    return compare(NFT_CMP_EQ, &value, sizeof value);
}

NftRule& NftRule::icmp_type_between(std::uint8_t first, std::uint8_t last) {
    load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
    compare(NFT_CMP_GTE, &first, sizeof first);
    return compare(NFT_CMP_LTE, &last, sizeof last);
}

NftRule& NftRule::transparent_socket() {
    expression("socket", [&](NetlinkMessage& out) {
        out.put_be32(NFTA_SOCKET_KEY, NFT_SOCKET_TRANSPARENT);
        out.put_be32(NFTA_SOCKET_DREG, kRegister);
    });
    const std::uint8_t yes = 1;
    return compare(NFT_CMP_EQ, &yes, sizeof yes);
}

NftRule& NftRule::segment_is_in(const std::string& set) {
    load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, kSegmentKeyBytes);
    return expression("lookup", [&](NetlinkMessage& out) {
        out.put_text(NFTA_LOOKUP_SET, set);
        out.put_be32(NFTA_LOOKUP_SREG, kRegister);
    });
}

NftRule& NftRule::add_segment_to(const std::string& set) {
    load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, kSegmentKeyBytes);
    return expression("dynset", [&](NetlinkMessage& out) {
        out.put_text(NFTA_DYNSET_SET_NAME, set);
        out.put_be32(NFTA_DYNSET_OP, NFT_DYNSET_OP_ADD);
        out.put_be32(NFTA_DYNSET_SREG_KEY, kRegister);
    });
}

NftRule& NftRule::set_mark(std::uint32_t mark) {
    load_immediate(kRegister, &mark, sizeof mark);
    return expression("meta", [&](NetlinkMessage& out) {
        out.put_be32(NFTA_META_KEY, NFT_META_MARK);
        out.put_be32(NFTA_META_SREG, kRegister);
    });
}

NftRule& NftRule::tproxy(const Endpoint& to) {
    const std::uint16_t port = htons(to.port);
    load_immediate(kRegister, to.address.bytes.data(), to.address.size());
    load_immediate(kPortRegister, &port, sizeof port);
    return expression("tproxy", [&](NetlinkMessage& out) {
        out.put_be32(NFTA_TPROXY_FAMILY, to.address.is_v6() ? NFPROTO_IPV6 : NFPROTO_IPV4);
        out.put_be32(NFTA_TPROXY_REG_ADDR, kRegister);
        out.put_be32(NFTA_TPROXY_REG_PORT, kPortRegister);
    });
}

NftRule& NftRule::accept() {
    return verdict(NF_ACCEPT);
}

NftRule& NftRule::drop() {
    return verdict(NF_DROP);
}

NftRule& NftRule::reject_tcp() {
    return expression("reject", [&](NetlinkMessage& out) {
        out.put_be32(NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
        out.put_u8(NFTA_REJECT_ICMP_CODE, 0);
    });
}

namespace {

// nf_tables_newset() wants a number to tell the sets of a batch apart; ours are told by their
// names.
void put_set(NetlinkMessage& batch, const nfgenmsg& family, const std::string& table,
             const NftSet& set, std::uint32_t number) {
    batch.begin(nft_type(NFT_MSG_NEWSET), NLM_F_CREATE, &family, sizeof family);
    batch.put_text(NFTA_SET_TABLE, table);
    batch.put_text(NFTA_SET_NAME, set.name);
    batch.put_be32(NFTA_SET_ID, number);
    batch.put_be32(NFTA_SET_FLAGS, NFT_SET_TIMEOUT | NFT_SET_EVAL);
    batch.put_be32(NFTA_SET_KEY_TYPE, 0);  // for programs that print it
    batch.put_be32(NFTA_SET_KEY_LEN, set.key_bytes);
    batch.put_be64(NFTA_SET_TIMEOUT, static_cast<std::uint64_t>(set.lifetime.count()));
    const size_t description = batch.begin_nest(NFTA_SET_DESC);
    batch.put_be32(NFTA_SET_DESC_SIZE, set.most);
    batch.end_nest(description);
}

void put_chain(NetlinkMessage& batch, const nfgenmsg& family, const std::string& table,
               const NftChain& chain, bool is_last_chain) {
    std::uint32_t number = 0;
    for (const NftSet& set : chain.sets) put_set(batch, family, table, set, ++number);
    batch.begin(nft_type(NFT_MSG_NEWCHAIN), NLM_F_CREATE, &family, sizeof family);
    batch.put_text(NFTA_CHAIN_TABLE, table);
    batch.put_text(NFTA_CHAIN_NAME, chain.name);
    const size_t hook = batch.begin_nest(NFTA_CHAIN_HOOK);
    batch.put_be32(NFTA_HOOK_HOOKNUM, chain.hook);
    batch.put_be32(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(chain.priority));
    batch.end_nest(hook);
    batch.put_text(NFTA_CHAIN_TYPE, "filter");
    for (const NftRule& rule : chain.rules) {
        // One acknowledgement will do: the kernel takes all of a batch or nothing.
        const bool is_last = is_last_chain && &rule == &chain.rules.back();
        batch.begin(nft_type(NFT_MSG_NEWRULE),
                    NLM_F_CREATE | NLM_F_APPEND | (is_last ? NLM_F_ACK : 0), &family,
                    sizeof family);
        batch.put_text(NFTA_RULE_TABLE, table);
        batch.put_text(NFTA_RULE_CHAIN, chain.name);
        const size_t list = batch.begin_nest(NFTA_RULE_EXPRESSIONS);
        batch.append(rule.expressions().data(), rule.expressions().size());
        batch.end_nest(list);
    }
}

void put_table(NetlinkMessage& batch, const nfgenmsg& family, const std::string& table, int message,
               int flags) {
    batch.begin(nft_type(message), flags, &family, sizeof family);
    batch.put_text(NFTA_TABLE_NAME, table);
}

NetlinkMessage begin_batch() {
    return {NFNL_MSG_BATCH_BEGIN, 0, family_header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES)};
}

void end_batch(NetlinkMessage& batch) {
    const nfgenmsg end = family_header(AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
    batch.begin(NFNL_MSG_BATCH_END, 0, &end, sizeof end);
}

}  // namespace

NetlinkMessage make_installation(const std::string& table, const std::vector<NftChain>& chains) {
    const nfgenmsg inet = family_header(NFPROTO_INET);
    NetlinkMessage batch = begin_batch();
    put_table(batch, inet, table, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    for (const NftChain& chain : chains) {
        put_chain(batch, inet, table, chain, &chain == &chains.back());
    }
    end_batch(batch);
    return batch;
}

NetlinkMessage make_replacement(std::uint8_t family, const std::string& table,
                                const std::vector<NftChain>& chains) {
    const nfgenmsg header = family_header(family);
    NetlinkMessage batch = begin_batch();
    // There must be one to be deleted.
    put_table(batch, header, table, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    put_table(batch, header, table, NFT_MSG_DELTABLE, 0);
    for (const NftChain& chain : chains) {
        put_table(batch, header, table, NFT_MSG_NEWTABLE, NLM_F_CREATE);
        put_chain(batch, header, table, chain, false);
    }
    put_table(batch, header, table, NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_ACK);
    end_batch(batch);
    return batch;
}

void install_table(NetlinkSocket& netfilter, const std::string& table,
                   const std::vector<NftChain>& chains) {
    NetlinkMessage batch = make_installation(table, chains);
    const int rc = netfilter.try_batch(batch).error;
    if (rc == 0) return;
    // nf_tables answers ENOENT for an expression whose module is missing, EOPNOTSUPP and
    // EAFNOSUPPORT for a family or hook that was not built.
    const bool missing = rc == -ENOENT || rc == -EOPNOTSUPP || rc == -EAFNOSUPPORT;
    throw base::SysError(-rc, "install the packet filter of the network", {},
                         missing ? "the kernel lacks nf_tables with tproxy, socket and reject: "
                                   "modprobe nft_tproxy nft_socket nft_reject_inet as root, or "
                                   "use --network host"
                                 : "");
}

void replace_table(NetlinkSocket& netfilter, std::uint8_t family, const std::string& table,
                   const std::vector<NftChain>& chains) {
    NetlinkMessage batch = make_replacement(family, table, chains);
    const int rc = netfilter.try_batch(batch).error;
    if (rc < 0) throw base::SysError(-rc, "replace rules of the packet filter");
}

}  // namespace sandbox::net
