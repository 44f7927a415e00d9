// DNS messages (RFC 1035, RFC 6891), as far as a forwarder that knows some names needs them: reads
// queries, writes answers of its own, and tells whether a reply belongs to a query. Every byte is
// hostile: nothing recurses, nothing is allocated beyond what came in. Not for: sockets, time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bytes.hpp"
#include "sandbox/net/address.hpp"

namespace sandbox::net {

enum class DnsType : std::uint16_t { a = 1, ptr = 12, aaaa = 28, any = 255 };
enum class DnsCode : std::uint8_t {
    no_error = 0,
    format_error = 1,
    server_failure = 2,
    no_such_name = 3,
    not_implemented = 4,
    refused = 5,
};

inline constexpr size_t kDnsHeaderBytes = 12;
inline constexpr size_t kDnsPlainBytes = 512;  // RFC 1035 2.3.4: UDP without EDNS
inline constexpr size_t kDnsEdnsBytes = 1232;  // fits every path without fragments
inline constexpr size_t kDnsMaxBytes = 65535;

struct DnsQuery {
    std::uint16_t id = 0;
    bool recursion_desired = false;
    // Lower case, without the last dot. Empty: the root, or a name with bytes that no host name
    // has; such a query can only be forwarded.
    std::string name;
    std::uint16_t type = 0;
    std::uint16_t klass = 0;  // 1: the Internet
    Bytes question;           // as it came, for the answer
    bool edns = false;
    size_t max_answer_bytes = kDnsPlainBytes;  // over UDP
};

struct DnsParse {
    std::optional<DnsQuery> query;
    // Without a query: what to answer with make_dns_error(); absent: nothing at all (it is no
    // query, or too short to have an id).
    std::optional<DnsCode> error;
};
[[nodiscard]] DnsParse parse_dns_query(ByteView message);

struct DnsAnswer {
    DnsType type = DnsType::a;
    IpAddress address;  // a, aaaa
    std::string name;   // ptr: "db.blog"
};
// An answer of ours. What does not fit into `max_bytes` is left out, with the mark that says so
// (TC): the client asks again over TCP.
[[nodiscard]] Bytes make_dns_response(const DnsQuery& query, DnsCode code,
                                      const std::vector<DnsAnswer>& answers,
                                      std::uint32_t ttl_seconds, size_t max_bytes);
// To a message that is no good query: its id and opcode, nothing else of it.
[[nodiscard]] Bytes make_dns_error(ByteView message, DnsCode code);

// A reply to `query`, sent with `id`: the id, the mark of a response, and the same question.
[[nodiscard]] bool is_dns_reply(ByteView reply, std::uint16_t id, const DnsQuery& query);
[[nodiscard]] bool is_dns_truncated(ByteView reply) noexcept;
// Must have kDnsHeaderBytes at least.
void set_dns_id(std::span<std::uint8_t> message, std::uint16_t id) noexcept;

// "4.3.2.1.in-addr.arpa", "….ip6.arpa" → the address.
[[nodiscard]] std::optional<IpAddress> try_parse_reverse_name(std::string_view name);

}  // namespace sandbox::net
