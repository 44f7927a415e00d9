#include "subid.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::kernel;

namespace {
std::vector<std::pair<std::uint32_t, std::uint32_t>> parse(std::string_view text,
                                                           std::string_view name = "me",
                                                           std::uint32_t uid = 1000) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> result;
    for (const SubidRange& range : parse_subids(text, name, uid)) {
        result.emplace_back(range.start.value, range.count);
    }
    return result;
}
using Pairs = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
}  // namespace

TEST_CASE("ranges of the user's name and of his number are found, in the file's order") {
    CHECK(parse("other:1:2\nme:100000:65536\n1000:300000:10\nmee:5:5\n") ==
          Pairs{{100000, 65536}, {300000, 10}});
    CHECK(parse("me:100000:65536") == Pairs{{100000, 65536}});
    CHECK(parse("").empty());
}

TEST_CASE("malformed lines of a subid file are skipped") {
    for (const char* line : {"me",
                             "me:",
                             "me:1",
                             "me:1:",
                             "me::1",
                             "me:-1:5",
                             "me:1:-5",
                             "me:a:5",
                             "me:5:a",
                             "me:0:65536",
                             "me:5:0",
                             "me:4294967296:1",
                             "me:1:4294967296",
                             "me:4294967295:2",
                             "me: 1:2",
                             "me:1:2:3",
                             ":1:2",
                             "#me:1:2",
                             "me:0x10:5",
                             "me:1e5:5"}) {
        INFO(line);
        CHECK(parse(std::string(line) + "\nme:7:3\n") == Pairs{{7, 3}});
    }
}

TEST_CASE("a name that looks like another user's number is not that user") {
    CHECK(parse("1001:5:5\n", "1001x", 1000).empty());
    CHECK(parse("01000:5:5\n") == Pairs{{5, 5}});
}

TEST_CASE("a range may end at the last id, but not beyond") {
    CHECK(parse("me:4294967294:1\n") == Pairs{{4294967294u, 1}});
    CHECK(parse("me:1:4294967295\n").empty() == true);
}

TEST_CASE("an id map knows which ids are in it") {
    IdMap map;
    map.uids = {{ContainerId{0}, HostId{1000}, 1}, {ContainerId{1}, HostId{100000}, 65536}};
    map.gids = {{ContainerId{5}, HostId{7}, 2}};
    CHECK(map.contains_uid(ContainerId{0}));
    CHECK(map.contains_uid(ContainerId{65536}));
    CHECK_FALSE(map.contains_uid(ContainerId{65537}));
    CHECK_FALSE(map.contains_uid(ContainerId{4294967295u}));
    CHECK_FALSE(map.contains_gid(ContainerId{4}));
    CHECK(map.contains_gid(ContainerId{6}));
    CHECK_FALSE(map.contains_gid(ContainerId{7}));
}

TEST_CASE("the kernel's id map text is read") {
    const auto map = parse_id_map("         0          0 4294967295\n");
    REQUIRE(map.size() == 1);
    CHECK(map[0].count == 4294967295u);
    CHECK(covers(map, {HostId{100000}, 65536}));
    const auto two = parse_id_map("0 1000 1\n1 100000 65536\nnonsense\n1 2\n");
    REQUIRE(two.size() == 2);
    CHECK(covers(two, {HostId{1}, 65536}));
    CHECK_FALSE(covers(two, {HostId{1}, 65537}));
    CHECK_FALSE(covers(two, {HostId{0x6FFF0000}, 65536}));
}
