#include "engine/saved_request.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

namespace {

using namespace sandbox;
using engine::RunRequest;
namespace json = base::json;

RunRequest round_trip(const RunRequest& request) {
    return engine::request_from_json(json::parse(json::dump(engine::request_to_json(request))));
}

}  // namespace

TEST_CASE("a request is read as it was kept") {
    RunRequest request;
    request.image = "busybox";
    request.command = {"sh", "-c", "true"};
    request.entrypoint = "";
    request.env = {"A=1", "B="};
    request.user = "0:0";
    request.stop_timeout_seconds = 0;
    request.remove = false;
    request.tty = true;
    request.init = false;
    request.privileged = true;
    request.restart = "always";
    const RunRequest kept = round_trip(request);
    CHECK(kept.image == "busybox");
    CHECK(kept.command == request.command);
    REQUIRE(kept.entrypoint.has_value());
    CHECK(kept.entrypoint->empty());
    CHECK(kept.env == request.env);
    CHECK(kept.user == "0:0");
    CHECK(kept.stop_timeout_seconds == 0u);
    CHECK(kept.remove == false);
    CHECK(kept.tty == true);
    CHECK(kept.init == false);
    CHECK(kept.privileged);
    CHECK_FALSE(kept.read_only);
    CHECK(kept.restart == "always");
    CHECK_FALSE(kept.hostname.has_value());
}

TEST_CASE("what is as by default takes no place") {
    RunRequest request;
    request.image = "x";
    CHECK(json::dump(engine::request_to_json(request)) == R"({"image":"x"})");
}

TEST_CASE("the caller's surroundings are resolved in what is kept") {
    RunRequest request;
    request.image = "x";
    request.env = {"HOME"};
    request.env_files = {"/nowhere"};
    request.label_files = {"/nowhere"};
    request.volumes = {"./here:/there"};
    request.security_opt = {"seccomp=profile.json"};
    engine::ParsedRequest parsed;
    parsed.env = {{"HOME", "/home/me"}, {"FROM_FILE", "a=b"}};
    parsed.labels = {{"k", "v=w"}};
    parsed.security.seccomp_file = "profile.json";
    parsed.seccomp_profile = "{}";
    const RunRequest settled = engine::settle_request(request, parsed, false, true);
    CHECK(settled.env == std::vector<std::string>{"HOME=/home/me", "FROM_FILE=a=b"});
    CHECK(settled.env_files.empty());
    CHECK(settled.labels == std::vector<std::string>{"k=v=w"});
    CHECK(settled.label_files.empty());
    CHECK(settled.volumes.empty());
    CHECK(settled.seccomp_profile == "{}");
    CHECK(settled.tty == false);
    CHECK(settled.interactive);
}

TEST_CASE("a request of a newer version is refused by name, a damaged one as such") {
    CHECK_THROWS_WITH(engine::request_from_json(json::parse(R"({"image":"x","fly":true})")),
                      Catch::Contains("\"fly\""));
    CHECK_THROWS_WITH(engine::request_from_json(json::parse(R"({"image":3})")),
                      Catch::Contains("\"image\""));
    CHECK_THROWS_AS(engine::request_from_json(json::Value()), base::Error);
}
