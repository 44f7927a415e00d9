#include "dns_message.hpp"

#include <algorithm>
#include <cstring>

#include "sandbox/base/strings.hpp"

namespace sandbox::net {
namespace {

constexpr size_t kMaxLabelBytes = 63;
constexpr size_t kMaxNameBytes = 255;
constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kOpt = 41;

// Bits of the second word of the header.
constexpr std::uint16_t kResponse = 0x8000;
constexpr std::uint16_t kOpcodeMask = 0x7800;
constexpr std::uint16_t kAuthoritative = 0x0400;
constexpr std::uint16_t kTruncated = 0x0200;
constexpr std::uint16_t kRecursionDesired = 0x0100;
constexpr std::uint16_t kRecursionAvailable = 0x0080;

std::uint16_t word_at(ByteView message, size_t at) {
    return static_cast<std::uint16_t>(message[at] << 8U | message[at + 1]);
}

void put_word(Bytes& out, unsigned value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8U));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put_word_at(std::span<std::uint8_t> out, size_t at, unsigned value) {
    out[at] = static_cast<std::uint8_t>(value >> 8U);
    out[at + 1] = static_cast<std::uint8_t>(value);
}

bool is_host_byte(std::uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '_';
}

char lower(std::uint8_t byte) {
    return static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte);
}

// A name without pointers, as questions have it. Answers the offset behind it; 0: malformed.
size_t read_name(ByteView message, size_t at, std::string& name) {
    const size_t begin = at;
    bool plain = true;
    name.clear();
    for (;;) {
        if (at >= message.size() || at - begin >= kMaxNameBytes) return 0;
        const size_t length = message[at++];
        if (length == 0) break;
        if (length > kMaxLabelBytes || at + length > message.size()) return 0;
        if (!name.empty()) name += '.';
        for (const std::uint8_t byte : message.subspan(at, length)) {
            plain = plain && is_host_byte(byte);
            name += lower(byte);
        }
        at += length;
    }
    if (at - begin > kMaxNameBytes) return 0;
    if (!plain) name.clear();
    return at;
}

// Over a name with or without pointers, without following them. 0: malformed.
size_t skip_name(ByteView message, size_t at) {
    while (at < message.size()) {
        const std::uint8_t length = message[at];
        if (length == 0) return at + 1;
        if ((length & 0xc0U) == 0xc0U) return at + 2 <= message.size() ? at + 2 : 0;
        if (length > kMaxLabelBytes) return 0;
        at += size_t{1} + length;
    }
    return 0;
}

// The OPT record among the additional ones of a query. False: malformed.
bool read_additional(ByteView message, size_t at, unsigned count, DnsQuery& query) {
    constexpr size_t kFixedBytes = 10;  // type, class, TTL, length
    for (unsigned i = 0; i < count; ++i) {
        const size_t fixed = skip_name(message, at);
        if (fixed == 0 || fixed + kFixedBytes > message.size()) return false;
        const size_t length = word_at(message, fixed + 8);
        if (fixed + kFixedBytes + length > message.size()) return false;
        if (word_at(message, fixed) == kOpt) {
            query.edns = true;
            // RFC 6891 6.2.3: the class holds the size that the sender can take.
            query.max_answer_bytes =
                std::clamp<size_t>(word_at(message, fixed + 2), kDnsPlainBytes, kDnsEdnsBytes);
        }
        at = fixed + kFixedBytes + length;
    }
    return true;
}

bool put_name(Bytes& out, std::string_view name) {
    for (const std::string& label : base::split(name, '.')) {
        if (label.empty() || label.size() > kMaxLabelBytes) return false;
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
    }
    out.push_back(0);
    return true;
}

// The record of one answer; empty when its name cannot be one.
Bytes make_record(const DnsAnswer& answer, std::uint32_t ttl_seconds) {
    Bytes record;
    put_word(record, 0xc000U | kDnsHeaderBytes);  // the question's name
    put_word(record, static_cast<unsigned>(answer.type));
    put_word(record, kInternet);
    put_word(record, ttl_seconds >> 16U);
    put_word(record, ttl_seconds & 0xffffU);
    Bytes data;
    if (answer.type == DnsType::ptr) {
        if (!put_name(data, answer.name)) return {};
    } else {
        data.assign(
            answer.address.bytes.begin(),
            answer.address.bytes.begin() + static_cast<std::ptrdiff_t>(answer.address.size()));
    }
    put_word(record, static_cast<unsigned>(data.size()));
    record.insert(record.end(), data.begin(), data.end());
    return record;
}

void put_opt(Bytes& out) {
    out.push_back(0);  // the root's name
    put_word(out, kOpt);
    put_word(out, kDnsEdnsBytes);
    put_word(out, 0);  // code, version
    put_word(out, 0);  // flags
    put_word(out, 0);  // no options
}

}  // namespace

DnsParse parse_dns_query(ByteView message) {
    if (message.size() < kDnsHeaderBytes) return {};
    const std::uint16_t flags = word_at(message, 2);
    if ((flags & kResponse) != 0) return {};  // never answer an answer
    if ((flags & kOpcodeMask) != 0) return {std::nullopt, DnsCode::not_implemented};
    DnsParse malformed{std::nullopt, DnsCode::format_error};
    if (word_at(message, 4) != 1 || word_at(message, 6) != 0 || word_at(message, 8) != 0) {
        return malformed;
    }
    DnsQuery query;
    query.id = word_at(message, 0);
    query.recursion_desired = (flags & kRecursionDesired) != 0;
    const size_t behind_name = read_name(message, kDnsHeaderBytes, query.name);
    if (behind_name == 0 || behind_name + 4 > message.size()) return malformed;
    query.type = word_at(message, behind_name);
    query.klass = word_at(message, behind_name + 2);
    query.question.assign(message.begin() + kDnsHeaderBytes,
                          message.begin() + static_cast<std::ptrdiff_t>(behind_name + 4));
    if (!read_additional(message, behind_name + 4, word_at(message, 10), query)) return malformed;
    return {std::move(query), std::nullopt};
}

Bytes make_dns_response(const DnsQuery& query, DnsCode code, const std::vector<DnsAnswer>& answers,
                        std::uint32_t ttl_seconds, size_t max_bytes) {
    constexpr size_t kOptBytes = 11;
    Bytes out;
    put_word(out, query.id);
    unsigned flags = kResponse | kAuthoritative | kRecursionAvailable | static_cast<unsigned>(code);
    if (query.recursion_desired) flags |= kRecursionDesired;
    put_word(out, flags);
    put_word(out, 1);
    put_word(out, 0);  // answers, counted below
    put_word(out, 0);
    put_word(out, query.edns ? 1 : 0);
    out.insert(out.end(), query.question.begin(), query.question.end());
    unsigned count = 0;
    const size_t reserve = query.edns ? kOptBytes : 0;
    for (const DnsAnswer& answer : answers) {
        const Bytes record = make_record(answer, ttl_seconds);
        if (record.empty()) continue;
        if (out.size() + record.size() + reserve > max_bytes) {
            flags |= kTruncated;
            break;
        }
        out.insert(out.end(), record.begin(), record.end());
        ++count;
    }
    put_word_at(out, 2, flags);
    put_word_at(out, 6, count);
    if (query.edns) put_opt(out);
    return out;
}

Bytes make_dns_error(ByteView message, DnsCode code) {
    Bytes out(kDnsHeaderBytes, 0);
    if (message.size() < kDnsHeaderBytes) return {};
    out[0] = message[0];
    out[1] = message[1];
    const std::uint16_t kept = word_at(message, 2) & (kOpcodeMask | kRecursionDesired);
    put_word_at(out, 2, kResponse | kept | static_cast<unsigned>(code));
    return out;
}

bool is_dns_reply(ByteView reply, std::uint16_t id, const DnsQuery& query) {
    if (reply.size() < kDnsHeaderBytes || word_at(reply, 0) != id) return false;
    if ((word_at(reply, 2) & kResponse) == 0) return false;
    // An error may come without the question.
    if (word_at(reply, 4) == 0) return (reply[3] & 0x0fU) != 0;
    if (reply.size() < kDnsHeaderBytes + query.question.size()) return false;
    // The letters' case may differ: some servers and firewalls change it.
    return std::equal(query.question.begin(), query.question.end(), reply.begin() + kDnsHeaderBytes,
                      [](std::uint8_t a, std::uint8_t b) { return lower(a) == lower(b); });
}

bool is_dns_truncated(ByteView reply) noexcept {
    return reply.size() >= kDnsHeaderBytes && (word_at(reply, 2) & kTruncated) != 0;
}

void set_dns_id(std::span<std::uint8_t> message, std::uint16_t id) noexcept {
    put_word_at(message, 0, id);
}

std::optional<IpAddress> try_parse_reverse_name(std::string_view name) {
    constexpr std::string_view kV4 = ".in-addr.arpa";
    constexpr std::string_view kV6 = ".ip6.arpa";
    IpAddress address;
    if (name.ends_with(kV4)) {
        const auto parts = base::split(name.substr(0, name.size() - kV4.size()), '.');
        if (parts.size() != 4) return std::nullopt;
        for (size_t i = 0; i < 4; ++i) {
            const auto number = base::try_parse_u64(parts[3 - i]);
            if (!number || *number > 255 || parts[3 - i].size() > 3) return std::nullopt;
            address.bytes[i] = static_cast<std::uint8_t>(*number);
        }
        return address;
    }
    if (!name.ends_with(kV6)) return std::nullopt;
    const auto parts = base::split(name.substr(0, name.size() - kV6.size()), '.');
    if (parts.size() != 32) return std::nullopt;
    address.family = AF_INET6;
    for (size_t i = 0; i < 32; ++i) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        const std::string& part = parts[31 - i];
        const size_t digit = part.size() == 1 ? kDigits.find(part[0]) : std::string_view::npos;
        if (digit == std::string_view::npos) return std::nullopt;
        address.bytes[i / 2] =
            static_cast<std::uint8_t>(address.bytes[i / 2] | digit << (i % 2 == 0 ? 4U : 0U));
    }
    return address;
}

}  // namespace sandbox::net
