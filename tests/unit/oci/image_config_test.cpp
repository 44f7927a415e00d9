#include "sandbox/oci/image_config.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"
#include "sandbox/oci/manifest.hpp"

using namespace sandbox;
using namespace sandbox::oci;
using base::IntegrityError;
namespace json = base::json;

namespace {

const std::string kDiffId = "sha256:" + std::string(64, 'd');

json::Object document(json::Value config = nullptr) {
    return {{"architecture", "amd64"},
            {"os", "linux"},
            {"config", std::move(config)},
            {"rootfs", json::Object{{"type", "layers"}, {"diff_ids", json::Array{kDiffId}}}}};
}
ImageConfig parse(const json::Object& object) {
    return parse_image_config(json::dump(object));
}
ImageConfig parse_settings(json::Object config) {
    return parse(document(std::move(config)));
}

}  // namespace

TEST_CASE("a whole config document is read") {
    const ImageConfig config = parse_image_config(R"({
        "architecture": "arm64", "os": "linux", "variant": "v8", "created": "2026-11-24T11:02:03Z",
        "author": "me", "unknown": {"ignored": [1]},
        "config": {"User": "1000:1000", "Env": ["PATH=/bin", "A=b"], "Entrypoint": ["/e"],
            "Cmd": ["c", "d"], "Shell": ["/bin/sh", "-c"], "WorkingDir": "/w",
            "StopSignal": "SIGQUIT", "Volumes": {"/v2": {}, "/v1": {}},
            "ExposedPorts": {"80/tcp": {}}, "Labels": {"k": "v"},
            "Healthcheck": {"Test": ["CMD", "true"], "Interval": 30000000000, "Timeout": 1000000,
                            "StartInterval": 2000000000,
                            "StartPeriod": 5, "Retries": 3}},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:)" +
                                                  std::string(64, 'd') + R"("]},
        "history": [{"created": "2026-11-24T11:02:03Z", "created_by": "RUN x", "author": "a",
                     "comment": "c", "empty_layer": true}]})");
    CHECK(config.platform.str() == "linux/arm64/v8");
    CHECK(config.created == "2026-11-24T11:02:03Z");
    CHECK(config.user == "1000:1000");
    CHECK(config.env == std::vector<std::string>{"PATH=/bin", "A=b"});
    CHECK(config.entrypoint == std::vector<std::string>{"/e"});
    CHECK(config.cmd == std::vector<std::string>{"c", "d"});
    CHECK(config.shell.size() == 2);
    CHECK(config.working_dir == "/w");
    CHECK(config.stop_signal == "SIGQUIT");
    CHECK(config.volumes == std::vector<std::string>{"/v1", "/v2"});
    CHECK(config.exposed_ports == std::vector<std::string>{"80/tcp"});
    CHECK(config.labels.at("k") == "v");
    REQUIRE(config.healthcheck);
    CHECK(config.healthcheck->interval == std::chrono::seconds(30));
    CHECK(config.healthcheck->retries == 3);
    CHECK(config.healthcheck->start_interval == std::chrono::seconds(2));
    REQUIRE(config.diff_ids.size() == 1);
    CHECK(config.diff_ids[0].digest.str() == kDiffId);
    REQUIRE(config.history.size() == 1);
    CHECK(config.history[0].empty_layer);
    CHECK(config.history[0].created_by == "RUN x");
}

TEST_CASE("null and missing settings are absent, an empty entrypoint is one") {
    const ImageConfig nothing = parse(document());
    CHECK_FALSE(nothing.entrypoint);
    CHECK_FALSE(nothing.cmd);
    CHECK_FALSE(nothing.healthcheck);
    CHECK(nothing.env.empty());
    const ImageConfig nulls = parse_settings(
        {{"Cmd", nullptr}, {"Env", nullptr}, {"Labels", nullptr}, {"Volumes", nullptr}});
    CHECK_FALSE(nulls.cmd);
    const ImageConfig empty = parse_settings({{"Entrypoint", json::Array{}}});
    CHECK(empty.entrypoint == std::vector<std::string>{});
    CHECK(parse_settings({{"Cmd", "single"}}).cmd == std::vector<std::string>{"single"});
}

TEST_CASE("settings of a wrong type are refused with their path") {
    const std::vector<std::pair<json::Object, std::string>> cases{
        {{{"Env", "A=b"}}, "image config: config: Env"},
        {{{"Env", json::Array{1}}}, "image config: config: Env"},
        {{{"Cmd", json::Array{json::Array{}}}}, "image config: config: Cmd"},
        {{{"User", 0}}, "image config: config: User"},
        {{{"Labels", json::Object{{"k", 1}}}}, "image config: config: Labels"},
        {{{"Volumes", json::Array{}}}, "image config: config: Volumes"},
        {{{"Healthcheck", json::Object{{"Interval", -1}}}},
         "image config: config: Healthcheck: Interval"},
        {{{"Healthcheck", json::Object{{"Retries", 1.5}}}},
         "image config: config: Healthcheck: Retries"},
        {{{"Healthcheck", json::Object{{"Retries", std::int64_t{1} << 40}}}},
         "image config: config: Healthcheck: Retries"}};
    for (const auto& [settings, path] : cases) {
        CHECK_THROWS_AS(parse_settings(settings), IntegrityError);
        CHECK_THROWS_WITH(parse_settings(settings), Catch::StartsWith(path));
    }
    CHECK_THROWS_WITH(parse(document("x")), "image config: config: not an object");
    CHECK_THROWS_AS(parse_image_config("[]"), IntegrityError);
}

TEST_CASE("diff ids must be there, be layers, be well-formed and not too many") {
    json::Object missing = document();
    missing.erase("rootfs");
    CHECK_THROWS_WITH(parse(missing), Catch::Contains("rootfs: missing"));
    json::Object other = document();
    other["rootfs"] = json::Object{{"type", "zfs"}};
    CHECK_THROWS_WITH(parse(other), Catch::Contains("rootfs: type"));
    json::Object bad = document();
    bad["rootfs"] = json::Object{{"diff_ids", json::Array{"sha256:../x"}}};
    CHECK_THROWS_WITH(parse(bad), Catch::Contains("diff_ids: bad digest"));
    json::Object many = document();
    many["rootfs"] = json::Object{{"diff_ids", json::Array(kMaxLayers + 1, json::Value(kDiffId))}};
    CHECK_THROWS_WITH(parse(many), Catch::Contains("more than 500"));
}

TEST_CASE("a config above 4 MiB is refused") {
    std::string text = json::dump(document());
    text.append(kMaxConfigBytes, ' ');
    CHECK_THROWS_WITH(parse_image_config(text), Catch::Contains("too large"));
}

TEST_CASE("U27: config and manifest must name the same number of layers") {
    const ImageConfig config = parse(document());
    CHECK_NOTHROW(check_layer_count(config, 1));
    CHECK_THROWS_AS(check_layer_count(config, 2), IntegrityError);
    CHECK_THROWS_WITH(check_layer_count(config, 0), "image config names 1 layers, the manifest 0");
}
