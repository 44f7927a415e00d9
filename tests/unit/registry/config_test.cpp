#include <catch2/catch.hpp>

#include "registry/config.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox::registry;

TEST_CASE("config.toml names mirrors, certificates and times") {
    const Config config = parse_config(R"(
[network]
connect_timeout_seconds = 2.5
low_speed_seconds = 3
low_speed_bytes = 10
retries = 0
retry_delay_seconds = 0.25
retry_after_cap_seconds = 5
parallel_downloads = 3

[registries."docker.io"]
mirrors = ["https://Mirror.example.com", "cache.lan:5000/hub/"]
auth_hosts = ["SSO.example.com"]

[registries."cache.lan:5000"]
insecure = true
ca = "/etc/x.pem"
client_cert = "/etc/c.pem"
client_key = "/etc/k.pem"
)",
                                       "config.toml");
    CHECK(config.timing.connect == std::chrono::milliseconds(2500));
    CHECK(config.timing.low_speed == std::chrono::seconds(3));
    CHECK(config.retry.tries == 1);
    CHECK(config.retry.first_delay == std::chrono::milliseconds(250));
    CHECK(config.parallel_downloads == 3);
    const RegistryConfig* hub = config.find("docker.io");
    REQUIRE(hub);
    CHECK(hub->mirrors == std::vector<std::string>{"mirror.example.com", "cache.lan:5000/hub"});
    CHECK(hub->auth_hosts == std::vector<std::string>{"sso.example.com"});
    CHECK(config.find("CACHE.lan:5000")->insecure);
    CHECK(config.find("cache.lan") == nullptr);
}

TEST_CASE("mistakes in config.toml are named with their place") {
    const auto message = [](const char* text) -> std::string {
        try {
            (void)parse_config(text, "c.toml");
        } catch (const sandbox::base::UsageError& error) {
            return error.message() + " | " + error.hint();
        }
        return "no error";
    };
    CHECK(
        message("[registries.\"a\"]\ninsecur = true").find("c.toml:2:1: unknown key \"insecur\"") ==
        0);
    CHECK(message("[registries.\"a\"]\ninsecur = true").find("did you mean \"insecure\"") !=
          std::string::npos);
    CHECK(message("[registries.\"a\"]\ninsecure = 1").find("c.toml:2:") == 0);
    CHECK(message("[registries.\"https://a\"]\ninsecure = true").find("bad registry name") !=
          std::string::npos);
    CHECK(message("[registries.\"u:p@a\"]").find("bad registry name") != std::string::npos);
    CHECK(message("[registries.a]\nmirrors = [\"http://m\"]").find("insecure = true") !=
          std::string::npos);
    CHECK(message("[registries.a]\nca = \"x.pem\"").find("absolute path") != std::string::npos);
    CHECK(message("[registries.a]\nclient_key = \"/x\"").find("client_cert") != std::string::npos);
    CHECK(message("[network]\nretries = 1000").find("out of range") != std::string::npos);
    CHECK(message("[network]\nlow_speed_seconds = \"5\"").find("number") != std::string::npos);
    CHECK(message("[network]\nconnect_timeout_seconds = nan").find("out of range") !=
          std::string::npos);
    CHECK(message("x = 1").find("unknown key \"x\"") != std::string::npos);
}
