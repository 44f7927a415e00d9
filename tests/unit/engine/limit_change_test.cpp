#include "engine/limit_change.hpp"

#include <catch2/catch.hpp>

#include "engine/network/network_change.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::engine {
namespace {

namespace json = base::json;

json::Value made() {
    return json::parse(R"({"name": "c", "network": "private", "pids_limit": 2048,
        "request": {"image": "x", "memory": "64m", "memory_swap": "128m", "cpus": "2"}})");
}

TEST_CASE("what update changes leaves the rest of a record as others have made it meanwhile") {
    RunRequest wish;
    wish.memory = "96m";
    wish.pids_limit = "99";
    const json::Value record = with_limits(with_network(made(), "name=back"), wish);
    CHECK(record.string_or("name") == "c");
    CHECK(record["networks"].strings() == std::vector<std::string>{"private", "back"});
    CHECK(record["request"]["networks"].strings().back() == "name=back");
    CHECK(record["request"].string_or("memory") == "96m");
    CHECK(record["request"].string_or("cpus") == "2");
    CHECK(record["request"]["memory_swap"].is_null());
    CHECK(record["pids_limit"].try_u64() == 99);
}

TEST_CASE("a policy for a container that is removed at its end is refused") {
    RunRequest wish;
    wish.restart = "always";
    CHECK(with_limits(made(), wish).string_or("restart") == "always");
    json::Value record = made();
    (*(*record.as_object())["request"].as_object())["remove"] = true;
    CHECK_THROWS_AS(with_limits(record, wish), base::UsageError);
}

}  // namespace
}  // namespace sandbox::engine
