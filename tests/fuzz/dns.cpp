// A DNS message: no query, an error, or a query whose answers fit and are replies to it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "net/name_table.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size_bytes) {
    using namespace sandbox::net;
    const ByteView message(data, size_bytes);
    const DnsParse parse = parse_dns_query(message);
    if (parse.error && make_dns_error(message, *parse.error).size() != kDnsHeaderBytes) {
        std::abort();
    }
    if (!parse.query) return 0;
    NameTable table;
    table.set_owner("1", {{"db", "a"}, std::vector<IpAddress>(40)});
    const auto found = table.look_up(*parse.query);
    const Bytes answer = make_dns_response(
        *parse.query, found ? found->code : DnsCode::server_failure,
        found ? found->answers : std::vector<DnsAnswer>{}, 5, parse.query->max_answer_bytes);
    if (answer.size() > parse.query->max_answer_bytes) std::abort();
    if (!is_dns_reply(answer, parse.query->id, *parse.query)) std::abort();
    (void)is_dns_reply(message, 0, *parse.query);
    return 0;
}
