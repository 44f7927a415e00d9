// R13 to R17, R29: where a registry may send us, and what goes along.
#include <catch2/catch.hpp>

#include "integration/registry/fake_support.hpp"
#include "sandbox/base/error.hpp"
#include "support/skip.hpp"

using namespace sandbox;
using namespace sandbox::test;

namespace {

// No request to the other origin carried a login or a cookie.
void check_nothing_leaked(const FakeRegistry& fake) {
    for (const auto& request : fake.requests("other")) {
        CHECK(request["headers"]["authorization"].is_null());
        CHECK(request["headers"]["cookie"].is_null());
        CHECK_FALSE(contains(request.string_or("body") + request.string_or("query"), "secret"));
    }
}

}  // namespace

TEST_CASE("R13 a redirect to another host is followed without login and cookies") {
    Home home;
    FakeRegistry fake("basic,redirect-other");
    home.write_docker_login(fake.authority());
    CHECK(pull(fake.reference()).layers.size() == 2);
    CHECK(fake.requests("other").size() == 3);
    check_nothing_leaked(fake);
    bool used = false;
    for (const auto& request : fake.requests("main")) {
        used = used || !request["headers"]["authorization"].is_null();
        CHECK(request["headers"]["cookie"].is_null());
    }
    CHECK(used);
}

TEST_CASE("R13 a bearer token does not go to another host either") {
    Home home;
    FakeRegistry fake("bearer,redirect-other");
    CHECK(pull(fake.reference()).layers.size() == 2);
    CHECK(fake.requests("other").size() == 3);
    check_nothing_leaked(fake);
}

TEST_CASE("R14 a redirect to another port of the same host carries no login") {
    Home home;
    FakeRegistry fake("basic,redirect-port", {"--other-host", "127.0.0.1"});
    home.write_docker_login(fake.authority());
    CHECK(pull(fake.reference()).layers.size() == 2);
    CHECK(fake.requests("other").size() == 3);
    check_nothing_leaked(fake);
}

TEST_CASE("R14 a redirect on the same origin keeps the login") {
    Home home;
    FakeRegistry fake("basic,redirect-relative");
    home.write_docker_login(fake.authority());
    CHECK(pull(fake.reference()).layers.size() == 2);
}

TEST_CASE("R14 a redirect from https to http is refused") {
    Home home;
    FakeRegistry fake("redirect-plain", {"--tls", "good", "--other-host", "127.0.0.1"});
    home.write_config("[registries.\"" + fake.authority() + "\"]\nca = \"" + fake.fact("ca") +
                      "\"\n");
    CHECK(contains(pull_error(fake.reference()), "from https to plain http"));
    CHECK(fake.requests("other").empty());
}

TEST_CASE("R15 redirects end after a few hops") {
    Home home;
    for (const char* scenario : {"redirect-loop", "redirect-hops"}) {
        INFO(scenario);
        FakeRegistry fake(scenario);
        CHECK(contains(pull_error(fake.reference()), "too many redirects"));
        CHECK(fake.count("/blobs/") <= 10);
    }
}

TEST_CASE("R16 redirects to other schemes, or with a password, are refused") {
    Home home;
    for (const char* scenario :
         {"redirect-file", "redirect-gopher", "redirect-ftp", "redirect-userinfo"}) {
        INFO(scenario);
        FakeRegistry fake(scenario, {"--other-host", "127.0.0.1"});
        CHECK(contains(pull_error(fake.reference()), "redirect of "));
        CHECK(fake.requests("other").empty());
    }
}

TEST_CASE("R16 a redirect from loopback to plain http elsewhere is refused") {
    Home home;
    FakeRegistry fake("redirect-remote-http");
    CHECK(contains(pull_error(fake.reference()), "refused plain http"));
}

TEST_CASE("R17 a public registry cannot send us to loopback, metadata or private addresses") {
    for (const char* scenario :
         {"redirect-loopback", "redirect-loopback6", "redirect-metadata", "redirect-named-loopback",
          "realm-loopback", "realm-loopback6", "realm-metadata"}) {
        INFO(scenario);
        const auto text =
            in_public_network("127.0.0.1 localhost sneaky.example\n", [&]() -> std::string {
                Home home;
                FakeRegistry fake(scenario, {"--tls", "good", "--bind", "203.0.113.5",
                                             "--other-host", "127.0.0.1"});
                home.write_config("");
                home.write("config/containers/certs.d/x", "");
                setenv("SSL_CERT_FILE", fake.fact("ca").c_str(), 1);
                const std::string error = pull_error(fake.reference());
                return error + " others=" + std::to_string(fake.requests("other").size());
            });
        SANDBOX_SKIP_UNLESS(text.has_value(), "no user namespaces");
        INFO(*text);
        CHECK(contains(*text, "refused"));
        CHECK(contains(*text, "others=0"));
    }
}

TEST_CASE("R17 a public registry may send us to another public address") {
    const auto text = in_public_network("127.0.0.1 localhost\n", [&]() -> std::string {
        Home home;
        FakeRegistry fake("bearer", {"--tls", "good", "--bind", "203.0.113.5"});
        setenv("SSL_CERT_FILE", fake.fact("ca").c_str(), 1);
        return "layers=" + std::to_string(pull(fake.reference()).layers.size());
    });
    SANDBOX_SKIP_UNLESS(text.has_value(), "no user namespaces");
    CHECK(*text == "layers=2");
}

TEST_CASE("R29 plain http to a public address is refused unless it is listed as insecure") {
    const auto text = in_public_network("127.0.0.1 localhost\n", [&]() -> std::string {
        Home home;
        FakeRegistry fake("plain", {"--bind", "203.0.113.5"});
        home.write_docker_login(fake.authority());
        std::string out = pull_error(fake.reference());
        out += " requests=" + std::to_string(fake.requests().size());
        home.write_config("[registries.\"" + fake.authority() + "\"]\ninsecure = true\n");
        out += " layers=" + std::to_string(pull(fake.reference()).layers.size());
        return out;
    });
    SANDBOX_SKIP_UNLESS(text.has_value(), "no user namespaces");
    INFO(*text);
    CHECK(contains(*text, "tls: "));
    CHECK(contains(*text, "insecure = true"));
    CHECK(contains(*text, "requests=0"));
    CHECK(contains(*text, "layers=2"));
}

TEST_CASE("a mirror is asked first, and the registry when the mirror fails") {
    Home home;
    FakeRegistry origin("plain");
    FakeRegistry good("plain");
    FakeRegistry broken("always-503");
    const auto use = [&](const std::string& mirrors) {
        home.write_config("[registries.\"" + origin.authority() + "\"]\nmirrors = [" + mirrors +
                          "]\n");
        return pull(origin.reference()).layers.size();
    };
    CHECK(use("\"" + good.authority() + "\"") == 2);
    CHECK(origin.requests().empty());
    CHECK(use("\"127.0.0.1:1\", \"" + broken.authority() + "\"") == 2);
    CHECK(origin.requests().size() == 4);
    CHECK(use("\"" + good.authority() + "/hub\"") == 2);
    CHECK(good.count("/v2/hub/a/b/") == 4);
}

TEST_CASE("a mirror with wrong content is passed over") {
    Home home;
    FakeRegistry origin("plain", {"--layers", "1"});
    FakeRegistry mirror("long-blob-length", {"--layers", "1"});
    home.write_config("[registries.\"" + origin.authority() + "\"]\nmirrors = [\"" +
                      mirror.authority() + "\"]\n");
    CHECK(pull(origin.reference()).layers.size() == 1);
    CHECK(origin.count("/blobs/") == 1);
    CHECK(origin.count("/manifests/") == 0);
}

TEST_CASE("a login for the registry does not go to its mirror") {
    Home home;
    FakeRegistry origin("basic");
    FakeRegistry mirror("basic");
    home.write_docker_login(origin.authority());
    home.write_config("[registries.\"" + origin.authority() + "\"]\nmirrors = [\"" +
                      mirror.authority() + "\"]\n");
    CHECK(pull(origin.reference()).layers.size() == 2);
    for (const auto& request : mirror.requests()) {
        CHECK(request["headers"]["authorization"].is_null());
    }
}
