// R18 to R21, R35, R36: logins, tokens, and the files that hold them.
#include <sys/stat.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <filesystem>

#include "integration/registry/fake_support.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/strings.hpp"

using namespace sandbox;
using namespace sandbox::test;

namespace {

mode_t mode_of(const std::string& path) {
    struct stat status {};
    REQUIRE(stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

std::string own_file(const Home& home) {
    return home.path() + "/config/sandbox/auth.json";
}

// A docker-credential-NAME that answers `get` with the given text and code, and notes its input.
void write_helper(const Home& home, const std::string& name, const std::string& answer, int code) {
    home.write("bin/docker-credential-" + name,
               "#!/bin/sh\nread server\necho \"$1 $server $#\" >>" + home.path() +
                   "/helper.log\ncat <<'E'\n" + answer + "\nE\nexit " + std::to_string(code) + "\n",
               0755);
    setenv("PATH", (home.path() + "/bin:/usr/bin:/bin").c_str(), 1);
}

}  // namespace

TEST_CASE("an anonymous token is fetched once for all of a pull") {
    Home home;
    FakeRegistry fake("bearer");
    CHECK(pull(fake.reference()).layers.size() == 2);
    CHECK(fake.count("/token") == 1);
    CHECK(contains(fake.requests()[1].string_or("query"), "scope=repository%3Aa%2Fb%3Apull"));
    CHECK(contains(fake.requests()[1].string_or("query"), "service=fake"));
}

TEST_CASE("a login of docker's file is used for basic and for tokens") {
    Home home;
    for (const char* scenario : {"basic", "bearer-login"}) {
        INFO(scenario);
        FakeRegistry fake(scenario);
        home.write_docker_login(fake.authority());
        CHECK(pull(fake.reference()).layers.size() == 2);
        CHECK(fake.requests()[0]["headers"]["authorization"].is_null());
    }
}

TEST_CASE("podman's auth files are found in all their places") {
    FakeRegistry fake("basic");
    const std::string text =
        R"({"auths": {")" + fake.authority() + R"(/a": {"auth": "dXNlcjpzZWNyZXQ="}}})";
    for (const char* place : {"run/containers/auth.json", "config/containers/auth.json", "named"}) {
        INFO(place);
        Home home;
        home.write(place, text);
        if (std::string(place) == "named") {
            setenv("REGISTRY_AUTH_FILE", (home.path() + "/named").c_str(), 1);
        }
        CHECK(pull(fake.reference()).layers.size() == 2);
    }
    Home home;
    home.write("elsewhere/config.json", text);
    setenv("DOCKER_CONFIG", (home.path() + "/elsewhere").c_str(), 1);
    CHECK(pull(fake.reference()).layers.size() == 2);
}

TEST_CASE("without a login the error names the cure") {
    Home home;
    FakeRegistry fake("basic");
    const std::string error = pull_error(fake.reference());
    CHECK(contains(error, "unauthorized"));
    CHECK(contains(error, "sandbox login " + fake.authority()));
}

TEST_CASE("R18 a login is not sent to a token server of another host") {
    Home home;
    FakeRegistry fake("bearer-elsewhere");
    home.write_docker_login(fake.authority());
    CHECK(pull(fake.reference()).layers.size() == 2);  // anonymously
    REQUIRE(fake.requests("other").size() == 1);
    for (const auto& request : fake.requests("other")) {
        CHECK(request["headers"]["authorization"].is_null());
        CHECK_FALSE(contains(request.string_or("query"), "user"));
    }
    // Unless the user says so.
    home.write_config("[registries.\"" + fake.authority() + "\"]\nauth_hosts = [\"127.0.0.2\"]\n");
    CHECK(pull(fake.reference()).layers.size() == 2);
    CHECK_FALSE(fake.requests("other").back()["headers"]["authorization"].is_null());
}

TEST_CASE("R19 a registry that never accepts its own tokens is given up on") {
    Home home;
    FakeRegistry fake("bearer-forever");
    CHECK(contains(pull_error(fake.reference()), "unauthorized"));
    CHECK(fake.count("/token") <= 2);
    CHECK(fake.count("/manifests/") <= 3);
}

TEST_CASE("R20 challenges that cannot be understood are an error, two are a choice") {
    Home home;
    for (const char* scenario :
         {"challenge-none", "challenge-huge", "challenge-broken", "challenge-junk"}) {
        INFO(scenario);
        FakeRegistry fake(scenario);
        const std::string error = pull_error(fake.reference());
        CHECK_FALSE(contains(error, "no error"));
        CHECK(fake.requests().size() <= 2);
    }
    FakeRegistry fake("challenge-two");
    CHECK(pull(fake.reference()).layers.size() == 2);
}

TEST_CASE("R20 tokens that would break a header, or are none, are refused") {
    Home home;
    for (const char* scenario : {"bad-token", "no-token", "garbage-token"}) {
        INFO(scenario);
        FakeRegistry fake(scenario);
        const std::string error = pull_error(fake.reference());
        CHECK(contains(error, "token"));
        CHECK_FALSE(contains(error, "secret-in"));
    }
}

TEST_CASE("R20 realms that are no https url are refused") {
    Home home;
    for (const char* scenario : {"realm-file", "realm-plain"}) {
        INFO(scenario);
        FakeRegistry fake(scenario);
        CHECK_FALSE(contains(pull_error(fake.reference()), "no error"));
    }
}

TEST_CASE("R21 a token that runs out in the middle is renewed") {
    Home home;
    FakeRegistry fake("bearer-expire", {"--layers", "7"});
    CHECK(pull(fake.reference()).layers.size() == 7);
    CHECK(fake.count("/token") >= 3);
    CHECK(fake.count("/token") <= 6);
}

TEST_CASE("login verifies, stores privately, and pulls use it; logout forgets") {
    for (const char* scenario : {"basic", "bearer-login"}) {
        INFO(scenario);
        Home home;
        FakeRegistry fake(scenario);
        registry::Client client;
        client.login(fake.authority(), "user", "secret");
        CHECK(mode_of(own_file(home)) == 0600);
        CHECK(mode_of(home.path() + "/config/sandbox") == 0700);
        CHECK(registry::try_stored_login(fake.authority()) == "user");
        CHECK(pull(fake.reference()).layers.size() == 2);
        CHECK(registry::logout("https://" + fake.authority() + "/", false));
        CHECK_FALSE(registry::logout(fake.authority(), false));
        CHECK_FALSE(registry::try_stored_login(fake.authority()));
        client.login(fake.authority(), "user", "secret");
        CHECK(registry::logout("", true));
        CHECK_FALSE(registry::logout("", true));
    }
}

TEST_CASE("an identity token is stored instead of the password, and used by post") {
    Home home;
    FakeRegistry fake("oauth");
    {
        registry::Client client;
        client.login(fake.authority(), "user", "secret");
    }
    const std::string text = base::read_file(own_file(home), 10000);
    CHECK(contains(text, "identity-1"));
    CHECK_FALSE(contains(text, base::base64_encode("user:secret")));
    CHECK(pull(fake.reference()).layers.size() == 2);
    bool posted = false;
    for (const auto& request : fake.requests()) {
        posted = posted || (request.string_or("method") == "POST" &&
                            contains(request.string_or("body"), "grant_type=refresh_token"));
    }
    CHECK(posted);
}

TEST_CASE("R35 a login with a bad password stores nothing and shows nothing") {
    for (const char* scenario : {"basic", "bearer-login"}) {
        INFO(scenario);
        Home home;
        FakeRegistry fake(scenario);
        registry::Client client;
        const std::string error =
            error_of([&] { client.login(fake.authority(), "user", "wr0ng-pass"); });
        CHECK(contains(error, "unauthorized"));
        CHECK_FALSE(contains(error, "wr0ng"));
        CHECK_FALSE(std::filesystem::exists(own_file(home)));
    }
}

TEST_CASE("R35 logins that would break a header or the file are refused") {
    Home home;
    registry::Client client;
    for (const auto& [user, password] : {std::pair<std::string, std::string>{"a:b", "x"},
                                         {"", "x"},
                                         {"a", ""},
                                         {"a\r\nX: y", "x"},
                                         {"a", "x\ny"},
                                         {"a", std::string("x\0y", 3)}}) {
        CHECK_THROWS_AS(client.login("127.0.0.1:1", user, password), base::UsageError);
    }
    for (const char* name : {"", "a b", "user:pw@host", "host/path", "host?x", "a\nb"}) {
        CHECK_THROWS_AS(client.login(name, "u", "p"), base::UsageError);
    }
}

TEST_CASE("R36 our own auth file that others can read is made private") {
    Home home;
    FakeRegistry fake("basic");
    home.write("config/sandbox/auth.json",
               R"({"auths": {")" + fake.authority() + R"(": {"auth": "dXNlcjpzZWNyZXQ="}}})", 0644);
    CHECK(pull(fake.reference()).layers.size() == 2);
    CHECK(mode_of(own_file(home)) == 0600);
}

TEST_CASE("R36 our own auth file that is a link is refused") {
    Home home;
    FakeRegistry fake("basic");
    home.write("target.json",
               R"({"auths": {")" + fake.authority() + R"(": {"auth": "dXNlcjpzZWNyZXQ="}}})");
    REQUIRE(symlink((home.path() + "/target.json").c_str(), own_file(home).c_str()) == 0);
    CHECK(contains(pull_error(fake.reference()), "is a symbolic link"));
    registry::Client client;
    CHECK(contains(error_of([&] { client.login(fake.authority(), "user", "secret"); }),
                   "is a symbolic link"));
}

TEST_CASE("R36 an auth file of another user is refused") {
    if (getuid() != 0) return;  // only root can give a file away; the check is the same for both
    Home home;
    FakeRegistry fake("basic");
    home.write("config/sandbox/auth.json", "{}");
    REQUIRE(chown(own_file(home).c_str(), 12345, 12345) == 0);
    CHECK(contains(pull_error(fake.reference()), "belongs to another user"));
}

TEST_CASE("R36 docker's auth file that others can read is not used") {
    Home home;
    FakeRegistry fake("basic");
    home.write_docker_login(fake.authority());
    REQUIRE(chmod((home.path() + "/.docker/config.json").c_str(), 0644) == 0);
    CHECK(contains(pull_error(fake.reference()), "unauthorized"));
}

TEST_CASE("a credential helper is asked on stdin") {
    Home home;
    FakeRegistry fake("basic");
    write_helper(home, "keyring", R"({"ServerURL":"x","Username":"user","Secret":"secret"})", 0);
    home.write(".docker/config.json", R"({"credsStore": "keyring"})");
    CHECK(pull(fake.reference()).layers.size() == 2);
    CHECK(base::read_file(home.path() + "/helper.log", 1000) == "get " + fake.authority() + " 1\n");
}

TEST_CASE("a helper that is missing, empty or broken falls back to the file, then to anonymous") {
    FakeRegistry fake("basic");
    FakeRegistry open("plain");
    const std::string auths =
        R"("auths": {")" + fake.authority() + R"(": {"auth": "dXNlcjpzZWNyZXQ="}})";
    {
        Home home;
        home.write(".docker/config.json", R"({"credsStore": "not-there", )" + auths + "}");
        CHECK(pull(fake.reference()).layers.size() == 2);
        CHECK(pull(open.reference()).layers.size() == 2);
    }
    {
        Home home;
        write_helper(home, "empty", "credentials not found in native keychain", 1);
        home.write(".docker/config.json",
                   R"({"credHelpers": {")" + fake.authority() + R"(": "empty"}, )" + auths + "}");
        CHECK(pull(fake.reference()).layers.size() == 2);
    }
    {
        Home home;
        write_helper(home, "broken", "{\"Secret\": ", 0);
        home.write(".docker/config.json", R"({"credsStore": "broken", )" + auths + "}");
        CHECK(pull(fake.reference()).layers.size() == 2);
    }
    {
        Home home;
        home.write(".docker/config.json", R"({"credsStore": "../../bin/sh", )" + auths + "}");
        CHECK(pull(fake.reference()).layers.size() == 2);
    }
}
