// What a network's helper is told, and whom it tells which names.
#include <catch2/catch.hpp>
#include <cstring>

#include "net/helper.hpp"
#include "net/name_table.hpp"
#include "net/netlink.hpp"
#include "sandbox/net/holder.hpp"

namespace sandbox::net {
namespace {

IpAddress address(const char* text) {
    return *try_parse_address(text);
}

DnsQuery query(const char* name, DnsType type) {
    DnsQuery query;
    query.name = name;
    query.type = static_cast<std::uint16_t>(type);
    query.klass = 1;
    return query;
}

TEST_CASE("a network whose names are IPv4's answers no AAAA, but knows the name") {
    NameTable table;
    table.set_v4_only(true);
    table.set_owner("1", {{"db"}, {address("10.89.1.2"), address("fd00::2")}});
    CHECK(table.look_up(query("db", DnsType::a))->answers.size() == 1);
    const auto six = table.look_up(query("db", DnsType::aaaa));
    REQUIRE(six);
    CHECK(six->code == DnsCode::no_error);
    CHECK(six->answers.empty());
}

TEST_CASE("the world of a network comes over the wire as it is") {
    World world;
    world.reach.gateway_v4 = address("10.89.1.1");
    world.v4_names = true;
    world.servers[address("10.89.1.2")] = {address("192.0.2.53"), address("2001:db8::53")};
    world.reach.opened[address("10.89.1.2")] = {{5432, 6379}, true};
    world.owners["1"] = {{"db", "sql"}, {address("10.89.1.2")}};
    world.subnets.push_back(*try_parse_subnet("10.89.1.0/24"));
    world.views[address("10.89.1.2")].push_back({{"far", "f"}, {address("10.77.0.2")}});
    world.views[address("10.89.1.2")].push_back({{"away"}, {address("10.77.0.3")}});
    const World read = decode_world(encode_world(world));
    CHECK(read.v4_names);
    CHECK(read.reach.opened.at(address("10.89.1.2")).host_ports ==
          std::vector<std::uint16_t>{5432, 6379});
    CHECK(read.reach.opened.at(address("10.89.1.2")).link_local);
    CHECK(read.servers == world.servers);
    CHECK(read.owners.at("1").names == world.owners["1"].names);
    const auto& view = read.views.at(address("10.89.1.2"));
    REQUIRE(view.size() == 2);
    CHECK(view[0].names == std::vector<std::string>{"far", "f"});
    CHECK(view[1].addresses == std::vector<IpAddress>{address("10.77.0.3")});
}

TEST_CASE("a network's plan comes over the wire as it is") {
    NetworkPlan plan;
    plan.name = "back";
    plan.internal = true;
    plan.ipv6 = false;
    plan.v4_names = true;
    plan.subnet_v4 = try_parse_subnet("10.77.5.0/24");
    plan.gateway_v4 = try_parse_address("10.77.5.254");
    plan.range_v4 = try_parse_subnet("10.77.5.128/25");
    plan.host_ports = {5432};
    const NetworkPlan read = decode_plan(encode_plan(plan));
    CHECK(read.name == plan.name);
    CHECK(read.internal);
    CHECK_FALSE(read.ipv6);
    CHECK(read.v4_names);
    CHECK(read.subnet_v4 == plan.subnet_v4);
    CHECK_FALSE(read.subnet_v6);
    CHECK(read.gateway_v4 == plan.gateway_v4);
    CHECK(read.range_v4 == plan.range_v4);
    CHECK(read.host_ports == plan.host_ports);
}

TEST_CASE("of several batches the last message alone is acknowledged") {
    const auto batch = [](int messages) {
        std::vector<std::uint8_t> bytes;
        for (int i = 0; i < messages; ++i) {
            nlmsghdr header{};
            header.nlmsg_len = sizeof header;
            header.nlmsg_flags = NLM_F_REQUEST;
            if (i + 1 == messages) header.nlmsg_flags |= NLM_F_ACK;
            const auto* raw = reinterpret_cast<const std::uint8_t*>(&header);
            bytes.insert(bytes.end(), raw, raw + sizeof header);
        }
        return bytes;
    };
    const std::vector<std::uint8_t> all = join_batches({batch(2), {}, batch(3)});
    REQUIRE(all.size() == 5 * sizeof(nlmsghdr));
    for (size_t i = 0; i < 5; ++i) {
        nlmsghdr header{};
        std::memcpy(&header, all.data() + i * sizeof header, sizeof header);
        CHECK(((header.nlmsg_flags & NLM_F_ACK) != 0) == (i == 4));
    }
    CHECK(join_batches({}).empty());
}

TEST_CASE("a subnet is chosen that neither a route nor another network has") {
    CHECK(choose_subnet("", {*try_parse_subnet("10.89.0.0/24")}).str() == "10.89.1.0/24");
    CHECK(choose_subnet("", {*try_parse_subnet("10.89.0.0/16")}).str() == "10.88.0.0/24");
}

}  // namespace
}  // namespace sandbox::net
