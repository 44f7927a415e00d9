#include "sandbox/base/toml.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

using namespace sandbox::base;

TEST_CASE("values keep their types, positions and the order of the source") {
    const toml::Node root = toml::parse(
        "zeta = 1\n"
        "alpha = \"x\"\n"
        "[net]\n"
        "  mode = 'bridge'\n"
        "  ports = [80, 1.5, true]\n"
        "[[mount]]\n"
        "to = \"/a\"\n",
        "p.toml");
    const auto& members = std::get<toml::Table>(root.value);
    REQUIRE(members.size() == 4);
    CHECK(members[0].key == "zeta");
    CHECK(members[1].key == "alpha");
    CHECK(members[1].key_at.line == 2);
    CHECK(members[1].node.at.column == 9);
    CHECK(members[2].key == "net");
    CHECK(std::get<std::string>(root.find("net")->find("mode")->value) == "bridge");
    CHECK(root.find("net")->find("mode")->at.line == 4);
    const auto& ports = std::get<toml::Array>(root.find("net")->find("ports")->value);
    CHECK(ports[0].type_name() == "integer");
    CHECK(ports[1].type_name() == "float");
    CHECK(ports[2].type_name() == "boolean");
    CHECK(root.find("mount")->type_name() == "array");
    CHECK(root.type_name() == "table");
    CHECK(root.find("missing") == nullptr);
    CHECK(root.find("alpha")->find("x") == nullptr);
}

TEST_CASE("dates and times arrive as text") {
    const toml::Node root = toml::parse(
        "a = 2026-11-24T11:02:03.5+01:30\nb = 2026-11-24\nc = 11:02:03\nd = 2026-11-24T00:00:00Z\n"
        "e = 2026-11-24T00:00:00-00:30\n",
        "p");
    CHECK(std::get<std::string>(root.find("a")->value) == "2026-11-24T11:02:03.5+01:30");
    CHECK(std::get<std::string>(root.find("b")->value) == "2026-11-24");
    CHECK(std::get<std::string>(root.find("c")->value) == "11:02:03");
    CHECK(std::get<std::string>(root.find("d")->value) == "2026-11-24T00:00:00Z");
    CHECK(std::get<std::string>(root.find("e")->value) == "2026-11-24T00:00:00-00:30");
}

TEST_CASE("a mistake is reported with file, line and column") {
    try {
        (void)toml::parse("a = 1\nb = \n", "dir/p.toml");
        FAIL("accepted");
    } catch (const UsageError& error) {
        CHECK_THAT(error.message(), Catch::StartsWith("dir/p.toml:2:"));
        CHECK(error.message().find('\n') == std::string::npos);
    }
}

TEST_CASE("duplicate keys, deep nesting and bytes that are no text are refused") {
    CHECK_THROWS_AS(toml::parse("a = 1\na = 2\n", "p"), UsageError);
    CHECK_THROWS_AS(toml::parse("a = " + std::string(100'000, '['), "p"), UsageError);
    CHECK_THROWS_AS(toml::parse("a = \"\xFF\"", "p"), UsageError);
    CHECK_THROWS_AS(toml::parse("a = \"\x01\"", "p"), UsageError);
    CHECK_THROWS_AS(toml::parse(std::string("a = 1\0", 6), "p"), UsageError);
    CHECK(std::get<toml::Table>(toml::parse("", "p").value).empty());
}

TEST_CASE("a mistake for which the library has only an assertion is reported with its line") {
    for (const std::string text : {"a = 1\n[#x]\nb = 2\n", "a = 1\n[#x]", "a = 1\n[[#x]]\n[#"}) {
        CHECK_THROWS_WITH(toml::parse(text, "p.toml"), "p.toml:2:1: syntax error");
    }
    CHECK_THROWS_WITH(toml::parse("[#", "p.toml"), Catch::StartsWith("p.toml:1:"));
}

TEST_CASE("letters beyond ASCII are fine in strings and comments, elsewhere a mistake") {
    const toml::Node root = toml::parse("a = \"\"\"x \\\n  \u00e9\"\"\" # \u00e9\n", "p");
    CHECK(std::get<std::string>(root.find("a")->value) == "x \u00e9");
    for (const std::string text : {"\u00e9 = 1", "a \u00e9 = 1", "a = \u00e9", "a = 1 \u00e9"}) {
        INFO(text);
        CHECK_THROWS_WITH(toml::parse(text, "p"), Catch::StartsWith("p:1:"));
    }
}
