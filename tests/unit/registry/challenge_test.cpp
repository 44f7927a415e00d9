#include <catch2/catch.hpp>

#include "registry/challenge.hpp"

using namespace sandbox::registry;

TEST_CASE("a bearer challenge gives realm, service and scope") {
    const auto all = parse_challenges(
        R"(Bearer realm="https://auth.example.com/token",service="reg",scope="repository:a/b:pull,push")");
    REQUIRE(all.size() == 1);
    CHECK(all[0].scheme == "bearer");
    CHECK(all[0].parameter("realm") == "https://auth.example.com/token");
    CHECK(all[0].parameter("service") == "reg");
    CHECK(all[0].parameter("scope") == "repository:a/b:pull,push");
    CHECK(all[0].parameter("none").empty());
}

TEST_CASE("of two challenges in one header bearer is chosen") {
    const auto all =
        parse_challenges(R"(Basic realm="r", charset=UTF-8, Bearer realm="https://x/t")");
    REQUIRE(all.size() == 2);
    CHECK(all[0].parameter("charset") == "UTF-8");
    CHECK(try_choose_challenge(all)->scheme == "bearer");
}

TEST_CASE("scheme and parameter names are compared without case, blanks are allowed") {
    const auto all = parse_challenges("BEARER  Realm = \"https://x/t\" ,\tService=reg");
    REQUIRE(all.size() == 1);
    CHECK(all[0].parameter("realm") == "https://x/t");
    CHECK(all[0].parameter("service") == "reg");
}

TEST_CASE("escapes in a quoted string are undone") {
    const auto all = parse_challenges(R"(Basic realm="a\"b\\c")");
    REQUIRE(all.size() == 1);
    CHECK(all[0].parameter("realm") == R"(a"b\c)");
}

TEST_CASE("a bearer without realm is not chosen") {
    CHECK_FALSE(try_choose_challenge(parse_challenges("Bearer service=\"x\"")));
    CHECK(try_choose_challenge(parse_challenges("Bearer service=\"x\", Basic"))->scheme == "basic");
    CHECK_FALSE(try_choose_challenge(parse_challenges("Negotiate, NTLM")));
}

TEST_CASE("broken challenges leave what is whole and never hang") {
    CHECK(parse_challenges("").empty());
    CHECK(parse_challenges(",,, ,").empty());
    CHECK(parse_challenges("=\"x\"").empty());
    CHECK(parse_challenges("Bearer realm=\"https://x").size() == 1);
    CHECK(parse_challenges("Bearer realm=\"https://x")[0].parameter("realm").empty());
    CHECK(parse_challenges("Negotiate abc+/==, Basic realm=\"r\"").size() == 2);
    CHECK(parse_challenges("Bearer realm=\"a\" garbage, Basic").back().scheme == "basic");
    CHECK(parse_challenges(std::string("Bea\0rer realm=\"x\"", 18)).empty());
    CHECK(parse_challenges("\"\"\"\"\"").empty());
}

TEST_CASE("the first of two parameters of one name counts") {
    CHECK(parse_challenges("Bearer realm=\"a\", realm=\"b\"")[0].parameter("realm") == "a");
}

TEST_CASE("a header of a megabyte is cut") {
    std::string header = "Bearer realm=\"https://x/t\"";
    for (int i = 0; i < 100'000; ++i) header += ", p" + std::to_string(i) + "=1";
    const auto all = parse_challenges(header);
    REQUIRE(all.size() == 1);
    CHECK(all[0].parameter("realm") == "https://x/t");
    CHECK(all[0].parameters.size() <= 32);
}
