#include "filter.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

using namespace sandbox;
using cli::Filters;

namespace {

const std::vector<std::string> kKnown{"name", "label", "label!", "id", "dangling", "status"};

Filters parse(const std::vector<std::string>& texts) {
    return Filters::parse(texts, kKnown);
}

}  // namespace

TEST_CASE("no filter lets everything through") {
    const Filters filters = parse({});
    CHECK(filters.empty());
    CHECK(filters.is("status", "running"));
    CHECK(filters.matches_regex("name", "x"));
    CHECK(filters.matches_labels({}));
    CHECK_FALSE(filters.try_bool("dangling"));
}

TEST_CASE("one of several values of a key must match") {
    const Filters filters = parse({"status=running", "status=paused", "STATUS = exited"});
    CHECK(filters.is("status", "running"));
    CHECK(filters.is("status", "paused"));
    CHECK(filters.is("status", "exited"));
    CHECK_FALSE(filters.is("status", "created"));
    CHECK(filters.values("status").size() == 3);
    CHECK(filters.is("name", "anything"));
}

TEST_CASE("every label filter must match, by key or by key and value") {
    const std::map<std::string, std::string> labels{{"a", "1"}, {"b", ""}, {"c", "x=y"}};
    CHECK(parse({"label=a"}).matches_labels(labels));
    CHECK(parse({"label=a=1", "label=b"}).matches_labels(labels));
    CHECK(parse({"label=b="}).matches_labels(labels));
    CHECK(parse({"label=c=x=y"}).matches_labels(labels));
    CHECK_FALSE(parse({"label=a=2"}).matches_labels(labels));
    CHECK_FALSE(parse({"label=a", "label=missing"}).matches_labels(labels));
    CHECK_FALSE(parse({"label!=a"}).matches_labels(labels));
    CHECK(parse({"label!=a=2"}).matches_labels(labels));
}

TEST_CASE("names match in part or as an expression") {
    CHECK(parse({"name=eb"}).matches_regex("name", "web"));
    CHECK(parse({"name=^w.b$"}).matches_regex("name", "web"));
    CHECK(parse({"name=^(db|web)$"}).matches_regex("name", "web"));
    CHECK_FALSE(parse({"name=^eb"}).matches_regex("name", "web"));
    CHECK(parse({"name=a[b"}).matches_regex("name", "xa[by"));
    CHECK_THROWS_AS(parse({"name=a[b"}).matches_regex("name", "other"), base::UsageError);
}

TEST_CASE("ids match by their beginning") {
    CHECK(parse({"id=abc"}).is_prefix("id", "abcdef"));
    CHECK_FALSE(parse({"id=bc"}).is_prefix("id", "abcdef"));
}

TEST_CASE("a switch is true or false and nothing else") {
    CHECK(parse({"dangling=true"}).try_bool("dangling") == true);
    CHECK(parse({"dangling=1"}).try_bool("dangling") == true);
    CHECK(parse({"dangling=False"}).try_bool("dangling") == false);
    CHECK_THROWS_AS(parse({"dangling=maybe"}).try_bool("dangling"), base::UsageError);
}

TEST_CASE("an unknown filter is refused with the known ones, a text without equals too") {
    try {
        (void)parse({"nmae=x"});
        FAIL("accepted");
    } catch (const base::UsageError& error) {
        CHECK(error.message() == "invalid filter \"nmae\"");
        CHECK_THAT(error.hint(),
                   Catch::Contains("did you mean \"name\"?") && Catch::Contains("status"));
    }
    CHECK_THROWS_WITH(parse({"name"}), "bad format of filter \"name\"");
    CHECK_THROWS_AS(parse({"=x"}), base::UsageError);
}
