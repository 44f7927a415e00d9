#include "nft_support.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <stdexcept>

namespace sandbox::test {
namespace {

using net::Bytes;
using net::ByteView;

[[noreturn]] void malformed(const std::string& what) {
    throw std::runtime_error("the kernel would refuse " + what);
}

std::uint32_t be32(ByteView bytes) {
    if (bytes.size() != 4) malformed("a number of " + std::to_string(bytes.size()) + " bytes");
    std::uint32_t value = 0;
    std::memcpy(&value, bytes.data(), 4);
    return ntohl(value);
}

template <typename T>
Bytes bytes_of(const T& value) {
    Bytes bytes(sizeof value);
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

std::string text_of(ByteView bytes) {
    if (bytes.empty() || bytes.back() != 0) malformed("a text without an end");
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size() - 1};
}

class Machine {
  public:
    explicit Machine(const Passing& passing) : passing_(passing) {
        const Bytes& packet = passing.packet;
        v6_ = !packet.empty() && packet[0] >> 4 == 6;
        head_ = packet.empty() ? 0 : v6_ ? 40 : static_cast<size_t>(packet[0] & 15) * 4;
    }
    // False: it does not match, and the rest of the rule is not looked at.
    bool step(const std::string& name, ByteView data);
    [[nodiscard]] const std::optional<Fate>& fate() const noexcept { return fate_; }

  private:
    using Attributes = std::map<int, ByteView>;
    void meta(const Attributes& a);
    bool payload(const Attributes& a);
    bool compare(const Attributes& a);
    void bitwise(const Attributes& a);
    void byteorder(const Attributes& a);
    void immediate(const Attributes& a);
    void decide(Fate::Kind kind) {
        if (!fate_) fate_ = Fate{kind, proxy_, mark_};
    }
    static ByteView value_of(ByteView nest, int type = NFTA_DATA_VALUE) {
        const auto inner = read_attributes(nest);
        if (inner.size() != 1 || inner[0].type != type) malformed("data of another kind");
        return inner[0].value;
    }
    static ByteView at(const Attributes& a, int type) {
        const auto found = a.find(type);
        if (found == a.end()) malformed("an expression without attribute " + std::to_string(type));
        return found->second;
    }
    // Four registers of 16 bytes; what a load leaves of one is zero.
    void load(std::uint32_t reg, ByteView value) {
        if (reg < NFT_REG_1 || reg > NFT_REG_4 || value.size() > 16) malformed("a register");
        auto& target = registers_[reg];
        target.fill(0);
        std::copy(value.begin(), value.end(), target.begin());
    }
    ByteView reg(std::uint32_t number, size_t size) {
        const auto found = registers_.find(number);
        if (found == registers_.end() || size > 16) malformed("a register that nothing is in");
        return ByteView(found->second).first(size);
    }

    // All sets of ours have keys of one length.
    Bytes key(std::uint32_t number) {
        const ByteView bytes = reg(number, net::kSegmentKeyBytes);
        return {bytes.begin(), bytes.end()};
    }

    const Passing& passing_;
    bool v6_ = false;
    size_t head_ = 0;
    std::map<std::uint32_t, std::array<std::uint8_t, 16>> registers_;
    std::optional<net::Endpoint> proxy_;
    std::uint32_t mark_ = 0;
    std::optional<Fate> fate_;
};

void Machine::meta(const Attributes& a) {
    const std::uint32_t key = be32(at(a, NFTA_META_KEY));
    if (a.contains(NFTA_META_SREG)) {
        if (key != NFT_META_MARK) malformed("the setting of that");
        std::memcpy(&mark_, reg(be32(at(a, NFTA_META_SREG)), 4).data(), 4);
        return;
    }
    Bytes value;
    if (key == NFT_META_IIFNAME || key == NFT_META_OIFNAME) {
        const std::string& name = key == NFT_META_IIFNAME ? passing_.in : passing_.out;
        value.assign(name.begin(), name.end());
        value.resize(IFNAMSIZ);
    } else if (key == NFT_META_PROTOCOL) {
        const int type = v6_ ? ETH_P_IPV6 : ETH_P_IP;
        value = bytes_of(htons(
            static_cast<std::uint16_t>(passing_.ether_type != 0 ? passing_.ether_type : type)));
    } else if (key == NFT_META_NFPROTO) {
        value = {static_cast<std::uint8_t>(v6_ ? NFPROTO_IPV6 : NFPROTO_IPV4)};
    } else if (key == NFT_META_L4PROTO) {
        value = {passing_.packet.at(v6_ ? 6 : 9)};
    } else if (key == NFT_META_PKTTYPE) {
        value = {static_cast<std::uint8_t>(passing_.for_this_host ? 0 : 3)};
    } else {
        malformed("meta key " + std::to_string(key));
    }
    load(be32(at(a, NFTA_META_DREG)), value);
}

bool Machine::payload(const Attributes& a) {
    const std::uint32_t base = be32(at(a, NFTA_PAYLOAD_BASE));
    const size_t size = be32(at(a, NFTA_PAYLOAD_LEN));
    size_t from = be32(at(a, NFTA_PAYLOAD_OFFSET));
    if (base == NFT_PAYLOAD_TRANSPORT_HEADER) {
        from += head_;
    } else if (base != NFT_PAYLOAD_NETWORK_HEADER) {
        malformed("a payload base");
    }
    if (from + size > passing_.packet.size()) return false;
    load(be32(at(a, NFTA_PAYLOAD_DREG)), ByteView(passing_.packet).subspan(from, size));
    return true;
}

bool Machine::compare(const Attributes& a) {
    const ByteView wanted = value_of(at(a, NFTA_CMP_DATA));
    const ByteView have = reg(be32(at(a, NFTA_CMP_SREG)), wanted.size());
    const int order = std::memcmp(have.data(), wanted.data(), wanted.size());
    switch (be32(at(a, NFTA_CMP_OP))) {
        case NFT_CMP_EQ:
            return order == 0;
        case NFT_CMP_NEQ:
            return order != 0;
        case NFT_CMP_LT:
            return order < 0;
        case NFT_CMP_LTE:
            return order <= 0;
        case NFT_CMP_GT:
            return order > 0;
        case NFT_CMP_GTE:
            return order >= 0;
        default:
            malformed("a comparison");
    }
}

void Machine::bitwise(const Attributes& a) {
    const size_t size = be32(at(a, NFTA_BITWISE_LEN));
    const ByteView mask = value_of(at(a, NFTA_BITWISE_MASK));
    const ByteView flip = value_of(at(a, NFTA_BITWISE_XOR));
    if (mask.size() != size || flip.size() != size) malformed("masks of another size");
    const ByteView source = reg(be32(at(a, NFTA_BITWISE_SREG)), size);
    Bytes value(source.begin(), source.end());
    for (size_t i = 0; i < size; ++i) {
        value[i] = static_cast<std::uint8_t>((value[i] & mask[i]) ^ flip[i]);
    }
    load(be32(at(a, NFTA_BITWISE_DREG)), value);
}

void Machine::byteorder(const Attributes& a) {
    if (be32(at(a, NFTA_BYTEORDER_LEN)) != 4 || be32(at(a, NFTA_BYTEORDER_SIZE)) != 4 ||
        be32(at(a, NFTA_BYTEORDER_OP)) != NFT_BYTEORDER_HTON) {
        malformed("a byte order");
    }
    std::uint32_t value = 0;
    std::memcpy(&value, reg(be32(at(a, NFTA_BYTEORDER_SREG)), 4).data(), 4);
    load(be32(at(a, NFTA_BYTEORDER_DREG)), bytes_of(htonl(value)));
}

void Machine::immediate(const Attributes& a) {
    const std::uint32_t target = be32(at(a, NFTA_IMMEDIATE_DREG));
    const ByteView data = at(a, NFTA_IMMEDIATE_DATA);
    if (target != NFT_REG_VERDICT) return load(target, value_of(data));
    const std::uint32_t code = be32(value_of(value_of(data, NFTA_DATA_VERDICT), NFTA_VERDICT_CODE));
    if (code != NF_ACCEPT && code != NF_DROP) malformed("a verdict");
    decide(code == NF_ACCEPT ? Fate::Kind::accepted : Fate::Kind::dropped);
}

bool Machine::step(const std::string& name, ByteView data) {
    Attributes a;
    for (const NetlinkAttribute& each : read_attributes(data)) a[each.type] = each.value;
    if (name == "meta") {
        meta(a);
    } else if (name == "payload") {
        return payload(a);
    } else if (name == "cmp") {
        return compare(a);
    } else if (name == "bitwise") {
        bitwise(a);
    } else if (name == "byteorder") {
        byteorder(a);
    } else if (name == "immediate") {
        immediate(a);
    } else if (name == "numgen") {
        if (be32(at(a, NFTA_NG_TYPE)) != NFT_NG_RANDOM) malformed("a counter");
        load(be32(at(a, NFTA_NG_DREG)), bytes_of(passing_.random % be32(at(a, NFTA_NG_MODULUS))));
    } else if (name == "socket") {
        if (be32(at(a, NFTA_SOCKET_KEY)) != NFT_SOCKET_TRANSPARENT) malformed("a socket's key");
        load(be32(at(a, NFTA_SOCKET_DREG)),
             Bytes{static_cast<std::uint8_t>(passing_.transparent_socket)});
    } else if (name == "tproxy") {
        const bool v6 = be32(at(a, NFTA_TPROXY_FAMILY)) == NFPROTO_IPV6;
        if (v6 != v6_) malformed("a proxy of another family");
        net::Endpoint to;
        to.address.family = v6 ? AF_INET6 : AF_INET;
        const ByteView address = reg(be32(at(a, NFTA_TPROXY_REG_ADDR)), to.address.size());
        std::copy(address.begin(), address.end(), to.address.bytes.begin());
        const ByteView port = reg(be32(at(a, NFTA_TPROXY_REG_PORT)), 2);
        to.port = static_cast<std::uint16_t>(port[0] << 8 | port[1]);
        proxy_ = to;
    } else if (name == "lookup") {
        if (passing_.sets == nullptr) return false;
        return (*passing_.sets)[text_of(at(a, NFTA_LOOKUP_SET))].contains(
            key(be32(at(a, NFTA_LOOKUP_SREG))));
    } else if (name == "dynset") {
        if (be32(at(a, NFTA_DYNSET_OP)) != NFT_DYNSET_OP_ADD) malformed("a change of a set");
        if (passing_.sets == nullptr) return false;
        (*passing_.sets)[text_of(at(a, NFTA_DYNSET_SET_NAME))].insert(
            key(be32(at(a, NFTA_DYNSET_SREG_KEY))));
    } else if (name == "reject") {
        if (be32(at(a, NFTA_REJECT_TYPE)) != NFT_REJECT_TCP_RST) malformed("a refusal");
        decide(Fate::Kind::reset);
    } else {
        malformed("the expression " + name);
    }
    return true;
}

}  // namespace

std::vector<NetlinkAttribute> read_attributes(ByteView bytes) {
    std::vector<NetlinkAttribute> all;
    while (!bytes.empty()) {
        nlattr head{};
        if (bytes.size() < sizeof head) malformed("half an attribute");
        std::memcpy(&head, bytes.data(), sizeof head);
        if (head.nla_len < sizeof head || head.nla_len > bytes.size()) malformed("a length");
        all.push_back({head.nla_type & NLA_TYPE_MASK,
                       bytes.subspan(NLA_HDRLEN, head.nla_len - size_t{NLA_HDRLEN})});
        const size_t whole = NLA_ALIGN(size_t{head.nla_len});
        if (whole > bytes.size()) malformed("an attribute without its padding");
        bytes = bytes.subspan(whole);
    }
    return all;
}

std::string NetlinkPart::text(int attribute) const {
    for (const NetlinkAttribute& each : attributes) {
        if (each.type == attribute) return text_of(each.value);
    }
    return {};
}

std::vector<NetlinkPart> read_messages(ByteView bytes) {
    std::vector<NetlinkPart> all;
    while (!bytes.empty()) {
        nlmsghdr head{};
        constexpr size_t kHead = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nfgenmsg));
        if (bytes.size() < kHead) malformed("half a message");
        std::memcpy(&head, bytes.data(), sizeof head);
        if (head.nlmsg_len < kHead || head.nlmsg_len > bytes.size()) malformed("a length");
        all.push_back({head.nlmsg_type, head.nlmsg_flags,
                       bytes.subspan(NLMSG_HDRLEN, sizeof(nfgenmsg)),
                       read_attributes(bytes.subspan(kHead, head.nlmsg_len - kHead))});
        bytes = bytes.subspan(NLMSG_ALIGN(size_t{head.nlmsg_len}));
    }
    return all;
}

std::optional<Fate> apply_rule(const net::NftRule& rule, const Passing& passing) {
    Machine machine(passing);
    for (const NetlinkAttribute& element : read_attributes(rule.expressions())) {
        if (element.type != NFTA_LIST_ELEM) malformed("a list of something else");
        const auto parts = read_attributes(element.value);
        if (parts.size() != 2 || parts[0].type != NFTA_EXPR_NAME ||
            parts[1].type != NFTA_EXPR_DATA) {
            malformed("an expression without name and data");
        }
        if (!machine.step(text_of(parts[0].value), parts[1].value)) return std::nullopt;
        if (machine.fate()) return machine.fate();
    }
    return std::nullopt;
}

Fate apply_chain(const net::NftChain& chain, const Passing& passing) {
    for (const net::NftRule& rule : chain.rules) {
        if (const auto fate = apply_rule(rule, passing)) return *fate;
    }
    return {};
}

}  // namespace sandbox::test
