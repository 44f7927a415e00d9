#include <catch2/catch.hpp>

#include "registry/auth_file.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox::registry;

namespace {
// user:pass, other:word
constexpr const char* kDocker = R"({
  "auths": {
    "https://index.docker.io/v1/": {"auth": "dXNlcjpwYXNz"},
    "reg.example.com:5000": {"auth": "b3RoZXI6d29yZA==", "email": "x@y"},
    "ns.example.com/team": {"auth": "dXNlcjpwYXNz"},
    "ns.example.com": {"auth": "b3RoZXI6d29yZA=="},
    "id.example.com": {"auth": "dXNlcjo=", "identitytoken": "tok"},
    "empty.example.com": {}
  },
  "credHelpers": {"gcr.example.com": "gcloud"},
  "HttpHeaders": {"X": "y"}
})";
}  // namespace

TEST_CASE("docker.io is found under all of its names") {
    const AuthFile file = AuthFile::parse(kDocker);
    for (const char* name : {"docker.io", "index.docker.io", "registry-1.docker.io"}) {
        const auto found = file.try_find(name, "library/nginx");
        REQUIRE(found);
        CHECK(found->user == "user");
        CHECK(found->password == "pass");
    }
}

TEST_CASE("the port is part of a registry's name") {
    const AuthFile file = AuthFile::parse(kDocker);
    CHECK(file.try_find("reg.example.com:5000", {})->user == "other");
    CHECK_FALSE(file.try_find("reg.example.com", {}));
}

TEST_CASE("podman's namespace entries win over the host's") {
    const AuthFile file = AuthFile::parse(kDocker);
    CHECK(file.try_find("ns.example.com", "team/app")->user == "user");
    CHECK(file.try_find("ns.example.com", "team")->user == "user");
    CHECK(file.try_find("ns.example.com", "teams/app")->user == "other");
    CHECK(file.try_find("ns.example.com", {})->user == "other");
}

TEST_CASE("identity tokens are read, empty entries are none") {
    const AuthFile file = AuthFile::parse(kDocker);
    CHECK(file.try_find("id.example.com", {})->identity_token == "tok");
    CHECK_FALSE(file.try_find("empty.example.com", {}));
    CHECK(file.helper_for("gcr.example.com") == "gcloud");
    CHECK(file.helper_for("docker.io").empty());
    CHECK(AuthFile::parse(R"({"credsStore":"pass"})").helper_for("docker.io") == "pass");
    CHECK(file.holds_secrets());
    CHECK_FALSE(AuthFile::parse(R"({"auths":{"a":{}},"credsStore":"pass"})").holds_secrets());
}

TEST_CASE("what is set is found, what is removed is gone, the rest is kept") {
    AuthFile file = AuthFile::parse(kDocker);
    file.set("registry-1.docker.io", {"me", "new:pass", "", ""});
    const AuthFile again = AuthFile::parse(file.str());
    CHECK(again.try_find("docker.io", {})->password == "new:pass");
    CHECK(again.str().find("HttpHeaders") != std::string::npos);
    CHECK(again.try_find("reg.example.com:5000", {}));
    file = again;
    CHECK(file.remove("docker.io"));
    CHECK_FALSE(file.remove("docker.io"));
    CHECK_FALSE(file.try_find("docker.io", {}));
    AuthFile fresh;
    fresh.set("a:1", {"u", "", "tok", ""});
    CHECK(AuthFile::parse(fresh.str()).try_find("a:1", {})->identity_token == "tok");
    fresh.remove_all();
    CHECK(fresh.registries().empty());
}

TEST_CASE("a malformed auth file is refused without its secrets") {
    for (const char* text : {"[]", "{\"auths\":[]}", "{", "{\"credHelpers\":1}", "nul"}) {
        INFO(text);
        CHECK_THROWS_AS(AuthFile::parse(text), sandbox::base::IntegrityError);
    }
    CHECK_NOTHROW(AuthFile::parse(""));
    CHECK_NOTHROW(AuthFile::parse("{\"auths\":null}"));
    const AuthFile bad = AuthFile::parse(R"({"auths":{"a":{"auth":"c2VjcmV0"},"b":{"auth":"!"}}})");
    for (const char* name : {"a", "b"}) {
        try {
            (void)bad.try_find(name, {});
            FAIL("no error");
        } catch (const sandbox::base::IntegrityError& error) {
            CHECK(error.message().find("secret") == std::string::npos);
            CHECK(error.message().find("c2Vj") == std::string::npos);
        }
    }
}
