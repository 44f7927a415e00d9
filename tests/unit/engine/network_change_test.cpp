#include "engine/network/network_change.hpp"

#include <catch2/catch.hpp>

#include "engine/container_record.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

json::Value record_of(const char* mode, const std::vector<std::string>& words) {
    json::Object request{{"image", "x"}};
    if (*mode != 0) request["network"] = mode;
    if (!words.empty()) request["networks"] = words;
    return json::Object{{"network", *mode != 0 ? mode : "private"}, {"request", request}};
}

std::vector<std::string> words_of(const json::Value& record) {
    return record["request"]["networks"].strings();
}

TEST_CASE("a container is put on one more network and taken off again") {
    const json::Value both = with_network(record_of("", {}), "name=back,alias=b");
    CHECK(words_of(both) == std::vector<std::string>{"private", "name=back,alias=b"});
    CHECK(both.string_or("network") == "private");
    CHECK(both["networks"].strings() == std::vector<std::string>{"private", "back"});
    const json::Value one = without_network(both, "private");
    CHECK(words_of(one) == std::vector<std::string>{"name=back,alias=b"});
    CHECK(one.string_or("network") == "back");
    CHECK(one["networks"].strings() == std::vector<std::string>{"back"});
    const json::Value two = with_network(one, "front");
    CHECK(two["networks"].strings() == std::vector<std::string>{"back", "front"});
    CHECK_THROWS_AS(with_network(two, "name=back"), base::Error);
    const json::Value less = without_network(two, "back");
    CHECK(words_of(less) == std::vector<std::string>{"front"});
    const json::Value none = without_network(less, "front");
    CHECK(none["request"].string_or("network") == "none");
    CHECK(none["networks"].is_null());
    CHECK_THROWS_AS(without_network(none, "front"), base::NotFoundError);
    const json::Value again = with_network(none, "name=private");
    CHECK(again["request"].string_or("network") == "private");
    CHECK(again["networks"].strings() == std::vector<std::string>{"private"});
    CHECK_THROWS_AS(with_network(again, "name=bridge"), base::Error);
}

TEST_CASE("a container by itself is on its private network, by whatever name it was asked for") {
    for (const char* mode : {"", "private", "bridge", "default"}) {
        const json::Value none = without_network(record_of(mode, {}), "private");
        CHECK(none["request"].string_or("network") == "none");
        CHECK_THROWS_AS(with_network(record_of(mode, {}), "bridge"), base::Error);
    }
    CHECK_THROWS_AS(without_network(record_of("none", {}), "private"), base::NotFoundError);
    CHECK_THROWS_AS(with_network(record_of("container:a", {}), "back"), base::Error);
    // What has one, and others, keeps it when they go.
    const json::Value alone = without_network(with_network(record_of("", {}), "back"), "back");
    CHECK(alone["request"].string_or("network") == "private");
    CHECK(words_of(alone).empty());
}

TEST_CASE("what listings read of a record has all its networks, for they read no more") {
    json::Object record{{"network", "private"}, {"rest", true}, {"request", json::Object{}}};
    std::vector<std::string> keys;
    const json::Value changed = with_network(record, "back");
    for (const auto& member : *changed.as_object()) keys.push_back(member.first);
    CHECK(keys == std::vector<std::string>{"network", "networks", "rest", "request"});
}

TEST_CASE("aliases and addresses of a network that is left do not go to the next one") {
    json::Value record = with_network(record_of("", {"back"}), "front");
    json::Object& request = *(*record.as_object())["request"].as_object();
    request["network_aliases"] = std::vector<std::string>{"web"};
    request["ip"] = "10.89.1.77";
    const json::Value kept = without_network(record, "front");
    CHECK(kept["request"].string_or("ip") == "10.89.1.77");
    CHECK(kept["request"]["network_aliases"].strings() == std::vector<std::string>{"web"});
    const json::Value left = without_network(record, "back");
    CHECK(left["request"]["ip"].is_null());
    CHECK(left["request"]["network_aliases"].is_null());
}

TEST_CASE("a network that was named as the mode counts like the others") {
    const json::Value record = record_of("back", {});
    CHECK(words_of(with_network(record, "front")) == std::vector<std::string>{"back", "front"});
    CHECK_NOTHROW(without_network(record, "back"));
    CHECK_THROWS_AS(with_network(record_of("host", {}), "back"), base::Error);
}

}  // namespace
}  // namespace sandbox::engine
