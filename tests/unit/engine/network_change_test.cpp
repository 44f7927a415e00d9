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
    const json::Value one = with_network(record_of("", {}), "name=back,alias=b");
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
}

TEST_CASE("a network that was named as the mode counts like the others") {
    const json::Value record = record_of("back", {});
    CHECK(words_of(with_network(record, "front")) == std::vector<std::string>{"back", "front"});
    CHECK_NOTHROW(without_network(record, "back"));
    CHECK_THROWS_AS(with_network(record_of("host", {}), "back"), base::Error);
}

}  // namespace
}  // namespace sandbox::engine
