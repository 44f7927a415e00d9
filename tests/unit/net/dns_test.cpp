#include <catch2/catch.hpp>

#include "net/dns_message.hpp"
#include "net/name_table.hpp"

namespace sandbox::net {
namespace {

Bytes make_query(std::string_view name, unsigned type, bool edns = false, unsigned size = 1400) {
    Bytes out{0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(edns)};
    size_t begin = 0;
    while (begin < name.size()) {
        const size_t end = std::min(name.find('.', begin), name.size());
        out.push_back(static_cast<std::uint8_t>(end - begin));
        out.insert(out.end(), name.begin() + static_cast<std::ptrdiff_t>(begin),
                   name.begin() + static_cast<std::ptrdiff_t>(end));
        begin = end + 1;
    }
    out.insert(out.end(), {0, 0, static_cast<std::uint8_t>(type), 0, 1});
    if (edns) {
        out.insert(out.end(), {0, 0, 41, static_cast<std::uint8_t>(size >> 8U),
                               static_cast<std::uint8_t>(size), 0, 0, 0, 0, 0, 0});
    }
    return out;
}

IpAddress v4(std::string_view text) {
    return *try_parse_address(text);
}

TEST_CASE("a query is read with its name in small letters") {
    const DnsParse parse = parse_dns_query(make_query("Db.Blog", 1));
    REQUIRE(parse.query);
    CHECK(parse.query->id == 0x1234);
    CHECK(parse.query->name == "db.blog");
    CHECK(parse.query->type == 1);
    CHECK(parse.query->recursion_desired);
    CHECK(parse.query->max_answer_bytes == kDnsPlainBytes);
}

TEST_CASE("the size that a client can take is bounded both ways") {
    CHECK(parse_dns_query(make_query("a", 1, true, 4096)).query->max_answer_bytes == 1232);
    CHECK(parse_dns_query(make_query("a", 1, true, 100)).query->max_answer_bytes == 512);
    CHECK(parse_dns_query(make_query("a", 1, true, 900)).query->max_answer_bytes == 900);
}

TEST_CASE("what is no query gets an error or no answer at all") {
    Bytes response = make_query("a", 1);
    response[2] |= 0x80;
    CHECK_FALSE(parse_dns_query(response).error);
    CHECK_FALSE(parse_dns_query(Bytes{1, 2, 3}).error);
    Bytes update = make_query("a", 1);
    update[2] |= 0x28;
    CHECK(parse_dns_query(update).error == DnsCode::not_implemented);
    Bytes two = make_query("a", 1);
    two[5] = 2;
    CHECK(parse_dns_query(two).error == DnsCode::format_error);
    Bytes pointer = make_query("a", 1);
    pointer[12] = 0xc0;
    CHECK(parse_dns_query(pointer).error == DnsCode::format_error);
    const Bytes whole = make_query("abc.def", 1, true);
    for (size_t size = kDnsHeaderBytes; size < whole.size(); ++size) {
        CAPTURE(size);
        CHECK(parse_dns_query(ByteView(whole).first(size)).error == DnsCode::format_error);
    }
    const Bytes error = make_dns_error(two, DnsCode::format_error);
    CHECK(error == Bytes{0x12, 0x34, 0x81, 0x01, 0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("a name with bytes of no host name, and an overlong one, are not looked up") {
    Bytes odd = make_query("a b", 1);
    REQUIRE(parse_dns_query(odd).query);
    CHECK(parse_dns_query(odd).query->name.empty());
    std::string longest(63, 'x');
    const std::string name = longest + "." + longest + "." + longest + "." + longest;
    CHECK(parse_dns_query(make_query(name, 1)).error == DnsCode::format_error);
    CHECK(parse_dns_query(make_query(name.substr(0, 253), 1)).query);
}

TEST_CASE("answers carry addresses, and what does not fit is marked as cut") {
    const DnsQuery query = *parse_dns_query(make_query("db", 1)).query;
    const Bytes one =
        make_dns_response(query, DnsCode::no_error, {{DnsType::a, v4("10.89.0.2"), {}}}, 5, 512);
    const Bytes tail{0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 89, 0, 2};
    REQUIRE(one.size() == 12 + 8 + 16);
    CHECK(Bytes(one.end() - 16, one.end()) == tail);
    CHECK(one[7] == 1);
    CHECK((one[2] & 0x02) == 0);
    std::vector<DnsAnswer> many(100, {DnsType::a, v4("10.89.0.2"), {}});
    const Bytes cut = make_dns_response(query, DnsCode::no_error, many, 5, 512);
    CHECK(cut.size() <= 512);
    CHECK(is_dns_truncated(cut));
    CHECK(cut[7] == (512 - 20) / 16);
    CHECK_FALSE(is_dns_truncated(make_dns_response(query, DnsCode::no_error, many, 5, 65535)));
}

TEST_CASE("a reply belongs to a query by id, mark and question") {
    const DnsQuery query = *parse_dns_query(make_query("db", 1)).query;
    Bytes reply = make_dns_response(query, DnsCode::no_such_name, {}, 5, 512);
    CHECK(is_dns_reply(reply, 0x1234, query));
    CHECK_FALSE(is_dns_reply(reply, 0x1235, query));
    set_dns_id(reply, 0x0102);
    CHECK(is_dns_reply(reply, 0x0102, query));
    Bytes upper = reply;
    upper[13] = 'D';
    CHECK(is_dns_reply(upper, 0x0102, query));
    Bytes other = reply;
    other[13] = 'x';
    CHECK_FALSE(is_dns_reply(other, 0x0102, query));
    Bytes asked = reply;
    asked[2] &= 0x7f;
    CHECK_FALSE(is_dns_reply(asked, 0x0102, query));
    CHECK_FALSE(is_dns_reply(ByteView(reply).first(15), 0x0102, query));
}

TEST_CASE("names of addresses are read backwards") {
    CHECK(try_parse_reverse_name("2.0.89.10.in-addr.arpa") == v4("10.89.0.2"));
    CHECK(try_parse_reverse_name("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f."
                                 "ip6.arpa") == v4("fd00::1"));
    CHECK_FALSE(try_parse_reverse_name("256.0.89.10.in-addr.arpa"));
    CHECK_FALSE(try_parse_reverse_name("0.89.10.in-addr.arpa"));
    CHECK_FALSE(try_parse_reverse_name("1.ip6.arpa"));
    CHECK_FALSE(try_parse_reverse_name("db"));
}

NameTable make_table() {
    NameTable table;
    table.set_owner("1", {{"blog-db-1", "db"}, {v4("10.89.0.2"), v4("fd00::2")}});
    table.set_owner("2", {{"blog-app-1", "app", "Web"}, {v4("10.89.0.3")}});
    table.set_owner("3", {{"blog-app-2", "app"}, {v4("10.89.0.4")}});
    return table;
}

std::optional<NameTable::Found> ask(NameTable& table, std::string_view name, unsigned type) {
    return table.look_up(*parse_dns_query(make_query(name, type)).query);
}

TEST_CASE("services, containers and aliases have addresses by family") {
    NameTable table = make_table();
    CHECK(ask(table, "DB", 1)->answers.at(0).address == v4("10.89.0.2"));
    CHECK(ask(table, "db", 28)->answers.at(0).address == v4("fd00::2"));
    CHECK(ask(table, "web", 1)->answers.at(0).address == v4("10.89.0.3"));
    // The name exists, without such an address: an answer of ours, not a question for others.
    REQUIRE(ask(table, "web", 28));
    CHECK(ask(table, "web", 28)->answers.empty());
    CHECK(ask(table, "db", 15)->answers.empty());
    CHECK_FALSE(ask(table, "example.org", 1));
}

TEST_CASE("a service of several containers answers with all of them in turns") {
    NameTable table = make_table();
    const auto first = ask(table, "app", 1)->answers;
    const auto second = ask(table, "app", 1)->answers;
    REQUIRE(first.size() == 2);
    CHECK(first[0].address == second[1].address);
    CHECK(first[1].address == second[0].address);
}

TEST_CASE("an address has its container's name, a foreign one is for others") {
    NameTable table = make_table();
    CHECK(ask(table, "2.0.89.10.in-addr.arpa", 12)->answers.at(0).name == "blog-db-1");
    CHECK_FALSE(ask(table, "8.8.8.8.in-addr.arpa", 12));
}

TEST_CASE("a name that is too long to be asked for leaves the others of its owner") {
    NameTable table;
    table.set_owner("1", {{std::string(64, 'n'), "short"}, {v4("10.89.0.2")}});
    CHECK_FALSE(table.knows(std::string(64, 'n')));
    CHECK(ask(table, "short", 1)->answers.at(0).address == v4("10.89.0.2"));
    CHECK(ask(table, "2.0.89.10.in-addr.arpa", 12)->answers.at(0).name == "short");
}

TEST_CASE("who goes takes his names along, and only his") {
    NameTable table = make_table();
    table.remove_owner("2");
    CHECK_FALSE(ask(table, "web", 1));
    CHECK(ask(table, "app", 1)->answers.size() == 1);
    CHECK_FALSE(ask(table, "3.0.89.10.in-addr.arpa", 12));
    table.set_owner("3", {{"blog-app-2"}, {v4("10.89.0.9")}});
    CHECK_FALSE(table.knows("app"));
    CHECK(table.knows("Blog-App-2."));
}

}  // namespace
}  // namespace sandbox::net
