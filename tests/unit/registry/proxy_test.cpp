#include <catch2/catch.hpp>

#include <map>

#include "registry/proxy.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox::registry;

namespace {
std::string proxied(const std::string& url, std::map<std::string, std::string> variables) {
    return proxy_for(Url::parse(url), [&](const char* name) -> std::optional<std::string> {
        const auto it = variables.find(name);
        if (it == variables.end()) return std::nullopt;
        return it->second;
    });
}
}  // namespace

TEST_CASE("each scheme has its proxy variable, and HTTP_PROXY is not one") {
    CHECK(proxied("http://a/", {{"http_proxy", "http://p:1"}}) == "http://p:1");
    CHECK(proxied("http://a/", {{"HTTP_PROXY", "http://p:1"}}).empty());
    CHECK(proxied("https://a/", {{"http_proxy", "http://p:1"}}).empty());
    CHECK(proxied("https://a/", {{"https_proxy", "p:1"}}) == "http://p:1");
    CHECK(proxied("https://a/", {{"HTTPS_PROXY", "http://p:1"}}) == "http://p:1");
    CHECK(proxied("https://a/", {{"https_proxy", "http://l"}, {"HTTPS_PROXY", "http://u"}}) ==
          "http://l");
    CHECK(proxied("https://a/", {{"ALL_PROXY", "socks5h://p:1"}}) == "socks5h://p:1");
    CHECK(proxied("http://a/", {{"all_proxy", "http://p:1"}}) == "http://p:1");
}

TEST_CASE("loopback is never proxied") {
    for (const char* url : {"http://localhost:5000/", "http://127.0.0.5/", "http://[::1]:5000/"}) {
        CHECK(proxied(url, {{"http_proxy", "http://p:1"}}).empty());
    }
}

TEST_CASE("no_proxy names hosts, domains, addresses, blocks and ports") {
    const auto excluded = [](const char* url, const char* list) {
        return is_excluded(Url::parse(url), list);
    };
    CHECK(excluded("https://a.b/", "*"));
    CHECK(excluded("https://a.b/", "x, a.b"));
    CHECK(excluded("https://c.a.b/", "a.b"));
    CHECK(excluded("https://c.a.b/", ".a.b"));
    CHECK(excluded("https://c.A.b/", "*.a.B"));
    CHECK_FALSE(excluded("https://ca.b/", "a.b"));
    CHECK_FALSE(excluded("https://a.b/", ""));
    CHECK_FALSE(excluded("https://a.b/", " , ,"));
    CHECK(excluded("https://a.b:5000/", "a.b:5000"));
    CHECK_FALSE(excluded("https://a.b/", "a.b:5000"));
    CHECK(excluded("https://10.1.2.3/", "10.0.0.0/8"));
    CHECK_FALSE(excluded("https://11.1.2.3/", "10.0.0.0/8"));
    CHECK(excluded("https://10.1.2.3/", "10.1.2.3"));
    CHECK(excluded("https://10.1.2.3/", "0.0.0.0/0"));
    CHECK_FALSE(excluded("https://10.1.2.3/", "10.0.0.0/99"));
    CHECK(excluded("https://[fd00::1]/", "fd00::/8"));
    CHECK(excluded("https://[fd00::1]:5000/", "[fd00::1]:5000"));
    CHECK_FALSE(excluded("https://10.1.2.3/", "2.3"));
}

TEST_CASE("a proxy that is no url is refused without showing it") {
    try {
        (void)proxied("https://a/", {{"https_proxy", "ftp://u:secret@p"}});
        FAIL("no error");
    } catch (const sandbox::base::Error& error) {
        CHECK(error.message().find("secret") == std::string::npos);
    }
}
