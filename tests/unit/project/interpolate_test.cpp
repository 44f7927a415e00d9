#include "project/interpolate.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "project/dotenv.hpp"
#include "project/reader.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::project {
namespace {

const Variables kNames = [](const std::string& name) -> std::optional<std::string> {
    static const std::map<std::string, std::string> kValues{
        {"A", "one"}, {"EMPTY", ""}, {"TRICK", "${A} $(id) `id`"}};
    const auto found = kValues.find(name);
    return found == kValues.end() ? std::nullopt : std::optional(found->second);
};

TEST_CASE("variables are put in by one rule") {
    const auto expand = [](const char* text) { return interpolate(text, kNames); };
    CHECK(expand("$A ${A}b $$A") == "one oneb $A");
    CHECK(expand("[${NONE}] [$NONE]") == "[] []");
    CHECK(expand("${NONE:-d} ${EMPTY:-d} ${EMPTY-d} ${A:-d}") == "d d  one");
    CHECK(expand("${NONE:-${A}x}") == "onex");
    CHECK(expand("${A:+yes} ${EMPTY:+yes} ${EMPTY+yes} ${NONE+yes}") == "yes  yes ");
    CHECK(expand("${EMPTY?msg}").empty());
}

TEST_CASE("what a variable holds is never looked at again nor executed") {
    CHECK(interpolate("$TRICK", kNames) == "${A} $(id) `id`");
}

TEST_CASE("malformed forms are errors") {
    for (const char* text : {"${", "${}", "${A", "${A!x}", "$(id)", "$", "a$ b", "${1}",
                             "${NONE:?}", "${NONE?why}", "${EMPTY:?}"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(interpolate(text, kNames), base::UsageError);
    }
    std::string deep = "x";
    for (int i = 0; i < 100; ++i) deep = "${NONE:-" + deep + "}";
    CHECK_THROWS_AS(interpolate(deep, kNames), base::UsageError);
}

TEST_CASE("a variable without a value and without a default is told") {
    std::string told;
    (void)interpolate("$NONE ${NONE:-x}", kNames, [&](const std::string& name) { told += name; });
    CHECK(told == "NONE");
}

TEST_CASE(".env has quotes, comments, export and references") {
    const auto values = parse_dotenv(
        "# comment\n\nexport X=1\nB = bare value # note\nC='single $A #'\nD=\"double $A \\\"q\\\" "
        "\\$A\\n\"\nE=\nF=${X}/$A\nG=\"two\nlines\"\r\nH=a#b\nLONE\n",
        ".env", kNames);
    CHECK(values.at("X") == "1");
    CHECK(values.at("B") == "bare value");
    CHECK(values.at("C") == "single $A #");
    CHECK(values.at("D") == "double one \"q\" $A\n");
    CHECK(values.at("E").empty());
    CHECK(values.at("F") == "1/one");
    CHECK(values.at("G") == "two\nlines");
    CHECK(values.at("H") == "a#b");
    CHECK(values.count("LONE") == 0);
}

TEST_CASE("a mistake in .env is told with its line") {
    const auto failure = [](const char* text) {
        try {
            (void)parse_dotenv(text, ".env", kNames);
        } catch (const base::UsageError& error) {
            return error.message();
        }
        return std::string("no error");
    };
    CHECK(failure("A=1\n=x\n") == ".env:2: expected NAME=value");
    CHECK(failure("A=1\nB=\"x\ny\n") == ".env:2: the quote is never closed");
    CHECK(failure("A=\"x\" y\n") == ".env:1: text behind the closing quote");
    CHECK(failure("A=${!}\n") == ".env:1: \"${!}\" names no variable");
}

TEST_CASE("a line is split as a shell would, without expansion") {
    using Texts = std::vector<std::string>;
    CHECK(split_words("a  b\tc\n") == Texts{"a", "b", "c"});
    CHECK(split_words(R"(sh -c "echo \"hi\" \x" 'it''s' a\ b)") ==
          Texts{"sh", "-c", "echo \"hi\" \\x", "its", "a b"});
    CHECK(split_words("'' \"\"") == Texts{"", ""});
    CHECK(split_words("").empty());
    CHECK_THROWS_AS(split_words("'x"), base::UsageError);
    CHECK_THROWS_AS(split_words("x\\"), base::UsageError);
}

}  // namespace
}  // namespace sandbox::project
