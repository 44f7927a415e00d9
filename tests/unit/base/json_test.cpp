#include "sandbox/base/json.hpp"

#include <catch2/catch.hpp>
#include <limits>

#include "sandbox/base/error.hpp"

using namespace sandbox::base;
namespace json = sandbox::base::json;

TEST_CASE("a document keeps its order, its types and its 64-bit integers") {
    const std::string text =
        R"({"z":1,"a":[true,null,"x"],"big":18446744073709551615,"low":-9223372036854775808,"d":1.5})";
    const json::Value value = json::parse(text);
    CHECK(json::dump(value) == text);
    CHECK(value["big"].try_u64() == std::numeric_limits<std::uint64_t>::max());
    CHECK_FALSE(value["big"].try_i64());
    CHECK(value["low"].try_i64() == std::numeric_limits<std::int64_t>::min());
    CHECK_FALSE(value["low"].try_u64());
    CHECK(value["d"].try_double() == 1.5);
    CHECK_FALSE(value["d"].try_i64());
    CHECK(value["missing"].is_null());
    CHECK(value["a"]["no object"].is_null());
    CHECK(value.string_or("a", "other") == "other");
}

TEST_CASE("what is not strict JSON is refused with its position") {
    for (const std::string& text : std::vector<std::string>{"",
                                                            " ",
                                                            "{",
                                                            "[1,]",
                                                            "{\"a\":}",
                                                            "{'a':1}",
                                                            "nul",
                                                            "NaN",
                                                            "Infinity",
                                                            "1e999",
                                                            "01",
                                                            "+1",
                                                            "\"\\ud800\"",
                                                            "\"\xFF\"",
                                                            "\"\x01\"",
                                                            "\"a\\u0000b\"",
                                                            "{\"a\\u0000\":1}",
                                                            "\xEF\xBB\xBF{}",
                                                            "{}x",
                                                            "{} {}",
                                                            "// c\n1",
                                                            "{\"a\":1,\"b\":{\"c\":1,\"c\":2}}",
                                                            "{\"a\":1,\"a\":1}",
                                                            std::string("{}\0", 3),
                                                            std::string("{}\0{}", 5)}) {
        INFO(text);
        CHECK_THROWS_WITH(json::parse(text), Catch::StartsWith("bad json at byte "));
        CHECK_THROWS_AS(json::parse(text), IntegrityError);
    }
}

TEST_CASE("depth, size and number of values are limited") {
    const std::string deep(100'000, '[');
    CHECK_THROWS_WITH(json::parse(deep), Catch::Contains("nested too deep"));
    CHECK_NOTHROW(json::parse(std::string(64, '[') + std::string(64, ']')));
    CHECK_THROWS(json::parse(std::string(65, '[') + std::string(65, ']')));
    json::Limits limits;
    limits.max_bytes = 8;
    CHECK_NOTHROW(json::parse("\"123456\"", limits));
    CHECK_THROWS_WITH(json::parse("\"1234567\"", limits), Catch::Contains("longer than 8"));
    std::string many = "[0";
    for (int i = 0; i < 600'000; ++i) many += ",0";
    many += "]";
    CHECK_THROWS_WITH(json::parse(many), Catch::Contains("too many values"));
}

TEST_CASE("an object with very many keys is checked for duplicates in good time") {
    std::string text = "{";
    for (int i = 0; i < 50'000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
    CHECK_THROWS_WITH(json::parse(text + "\"k7\":1}"), Catch::Contains("duplicate key"));
    CHECK_NOTHROW(json::parse(text + "\"last\":1}"));
}

TEST_CASE("an error message shows no control characters of the document") {
    try {
        (void)json::parse("\"\x1b[31m");
        FAIL("accepted");
    } catch (const IntegrityError& error) {
        CHECK(error.message().find('\x1b') == std::string::npos);
    }
}

TEST_CASE("strings are written as Go writes them") {
    CHECK(json::quote_string("<a>&\n\t\"\\") == "\"\\u003ca\\u003e\\u0026\\n\\t\\\"\\\\\"");
    CHECK(json::quote_string("\xE2\x80\xA8\x01") == "\"\\u2028\\u0001\"");
    CHECK(json::quote_string("\xC3\xA4\xFF") == "\"\xC3\xA4\\ufffd\"");
    CHECK(json::dump(json::Value("<&>"), 0, json::Escape::plain) == "\"<&>\"");
}

TEST_CASE("numbers are written as Go writes them") {
    CHECK(json::dump(json::Value(3.0)) == "3");
    CHECK(json::dump(json::Value(1e-9)) == "1e-9");
    CHECK(json::dump(json::Value(1e21)) == "1e+21");
    CHECK(json::dump(json::Value(0.1)) == "0.1");
    CHECK(json::dump(json::Value(std::numeric_limits<double>::infinity())) == "null");
}

TEST_CASE("pretty printing indents members and keeps empty lists on one line") {
    const json::Value value(json::Object{{"a", json::Array{1, 2}}, {"b", json::Object{}}});
    CHECK(json::dump(value, 4) ==
          "{\n    \"a\": [\n        1,\n        2\n    ],\n    \"b\": {}\n}");
}

TEST_CASE("flags, lists and members of another type count as none") {
    const json::Value value = json::parse(
        R"({"yes": true, "no": false, "text": "true", "list": ["a", 1, "b"], "map": {"k": "v", "n": 1}})");
    CHECK(value["yes"].is_true());
    for (const char* key : {"no", "text", "list", "missing"}) CHECK_FALSE(value[key].is_true());
    CHECK(value["list"].strings() == std::vector<std::string>{"a", "b"});
    CHECK(value["map"].strings().empty());
    CHECK(value["map"].string_members() == std::map<std::string, std::string>{{"k", "v"}});
    CHECK(value["list"].string_members().empty());
}

TEST_CASE("members are found, replaced, appended and erased") {
    json::Object object{{"a", 1}};
    object["a"] = 2;
    object["b"] = "x";
    CHECK(object.size() == 2);
    CHECK(object.find("a")->try_i64() == 2);
    object.erase("a");
    CHECK(object.find("a") == nullptr);
    CHECK(object.begin()->first == "b");
}
