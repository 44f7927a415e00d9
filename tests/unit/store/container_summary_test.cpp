#include "sandbox/store/container_summary.hpp"

#include <catch2/catch.hpp>

namespace sandbox::store {

TEST_CASE("a record is cut before a member of its outermost object only") {
    const auto cut = [](const char* text) { return cut_before_member(text, "rest"); };
    CHECK(cut(R"({"a":1,"rest":true,"b":2})") == R"({"a":1})");
    CHECK(cut(R"({"labels":{"x":"1","rest":"2"},"rest":true})") ==
          R"({"labels":{"x":"1","rest":"2"}})");
    CHECK(cut(R"({"a":"x,\"rest\":","rest":1})") == R"({"a":"x,\"rest\":"})");
    CHECK(cut(R"({"a":["}",{"b":"]"}],"rest":1})") == R"({"a":["}",{"b":"]"}]})");
    CHECK(cut(R"({"a":"back\\","rest":1})") == R"({"a":"back\\"})");
}

TEST_CASE("a record without the mark stays whole, and a damaged one does not hang") {
    for (const char* text : {R"({"a":1})", R"({"rest":1})", "", "{", "\"", R"({"a":"\)", "}}]]"}) {
        INFO(text);
        CHECK(cut_before_member(text, "rest") == text);
    }
}

}  // namespace sandbox::store
