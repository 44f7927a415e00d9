#include "registry/exchange.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "unit/registry/fake_transport_support.hpp"

using namespace sandbox;
using namespace sandbox::registry;
using sandbox::test::FakeAnswer;
using sandbox::test::FakeWorld;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string kHub = "https://registry-1.docker.io/v2/library/nginx/manifests/latest";
const std::string kManifest = "{}";

std::string error_of(FakeWorld& world, const std::string& reference) {
    try {
        (void)world.core->fetch_manifest(oci::Reference::parse(reference));
    } catch (const base::Error& error) {
        return error.message();
    }
    return "no error";
}

}  // namespace

TEST_CASE("docker.io is asked at its own server, over https, with one request") {
    FakeWorld world;
    world.answers[kHub] = {{200, {{"content-type", "x/y"}}, kManifest}};
    const FetchedManifest found = world.core->fetch_manifest(oci::Reference::parse("nginx"));
    CHECK(found.body == kManifest);
    CHECK(found.content_type == "x/y");
    CHECK(found.digest == oci::Digest::of(kManifest));
    CHECK(world.urls() == std::vector<std::string>{kHub});
    CHECK(world.header(0, "Accept").find("application/vnd.oci.image.index.v1+json") !=
          std::string::npos);
    CHECK(world.header(0, "Authorization").empty());
}

TEST_CASE("a token of docker hub's own token server is fetched and used") {
    FakeWorld world;
    world.answers[kHub] = {
        {401,
         {{"www-authenticate",
           R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull")"}},
         ""},
        {200, {}, kManifest}};
    const std::string token =
        "https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary%2F"
        "nginx%3Apull";
    world.answers[token] = {{200, {}, R"({"token":"abc","expires_in":300})"}};
    CHECK(world.core->fetch_manifest(oci::Reference::parse("nginx")).body == kManifest);
    CHECK(world.urls() == std::vector<std::string>{kHub, token, kHub});
    CHECK(world.header(2, "Authorization") == "Bearer abc");
}

TEST_CASE("waits grow, and end after five tries") {
    FakeWorld world;
    world.answers[kHub] = {{503, {}, ""}};
    CHECK(error_of(world, "nginx").find("status 503") != std::string::npos);
    CHECK(world.requests.size() == 5);
    CHECK(world.waits == std::vector<milliseconds>{seconds(1), seconds(2), seconds(4), seconds(8)});
}

TEST_CASE("R23 a retry-after of a day is waited for sixty seconds, once") {
    FakeWorld world;
    world.answers[kHub] = {{429, {{"retry-after", "86400"}}, ""}};
    CHECK(error_of(world, "nginx").find("too many requests") != std::string::npos);
    CHECK(world.waits == std::vector<milliseconds>{seconds(60)});
}

TEST_CASE("R23 a date of 1970 is as no retry-after") {
    FakeWorld world;
    world.answers[kHub] = {{429, {{"retry-after", "Thu, 01 Jan 1970 00:00:00 GMT"}}, ""},
                           {200, {}, kManifest}};
    CHECK(error_of(world, "nginx") == "no error");
    CHECK(world.waits == std::vector<milliseconds>{seconds(1)});
}

TEST_CASE("F13 a wall clock that jumps makes a token neither older nor younger") {
    FakeWorld world;
    world.answers[kHub] = {
        {401, {{"www-authenticate", R"(Bearer realm="https://auth.docker.io/token")"}}, ""},
        {200, {}, kManifest}};
    const std::string token =
        "https://auth.docker.io/token?scope=repository%3Alibrary%2Fnginx%3Apull";
    // The server's own clock is of no interest.
    world.answers[token] = {
        {200, {}, R"({"token":"abc","expires_in":300,"issued_at":"2035-01-01T00:00:00Z"})"}};
    CHECK(error_of(world, "nginx") == "no error");
    REQUIRE(world.urls() == std::vector<std::string>{kHub, token, kHub});
    constexpr std::int64_t kTenYears = 10LL * 365 * 24 * 3600;
    for (const std::int64_t jump : {std::int64_t{-3600}, kTenYears}) {
        world.unix_now += jump;
        CHECK(error_of(world, "nginx") == "no error");
        CHECK(world.header(world.requests.size() - 1, "Authorization") == "Bearer abc");
    }
    CHECK(world.requests.size() == 5);
    CHECK(world.waits.empty());

    // By the clock that does not jump it does get old: one more token, and no more than that.
    world.now += seconds(301);
    world.answers[kHub] = {
        {401, {{"www-authenticate", R"(Bearer realm="https://auth.docker.io/token")"}}, ""},
        {200, {}, kManifest}};
    CHECK(error_of(world, "nginx") == "no error");
    CHECK(world.requests.size() == 8);
}

TEST_CASE("F13 a date to wait for is no more than a minute away, wherever the clock has jumped") {
    for (const std::int64_t jump : {std::int64_t{-3600}, std::int64_t{10LL * 365 * 24 * 3600}}) {
        FakeWorld world;
        world.unix_now += jump;
        // Ten seconds after 1'700'000'000.
        world.answers[kHub] = {{429, {{"retry-after", "Tue, 14 Nov 2023 22:13:30 GMT"}}, ""},
                               {200, {}, kManifest}};
        CHECK(error_of(world, "nginx") == "no error");
        CHECK(world.waits == std::vector<milliseconds>{jump < 0 ? seconds(60) : seconds(1)});
    }
}

TEST_CASE("a loopback registry is asked over http first, then over https") {
    FakeWorld world;
    const std::string path = "/v2/a/manifests/latest";
    world.answers["http://localhost:5000" + path] = {
        {400, {}, "Client sent an HTTP request to an HTTPS server."}};
    world.answers["https://localhost:5000" + path] = {{200, {}, kManifest}};
    CHECK(error_of(world, "localhost:5000/a") == "no error");
    CHECK(error_of(world, "localhost:5000/a") == "no error");
    CHECK(world.urls() == std::vector<std::string>{"http://localhost:5000" + path,
                                                   "https://localhost:5000" + path,
                                                   "https://localhost:5000" + path});
}

TEST_CASE("another host is never asked over http, unless it is listed as insecure") {
    FakeWorld world;
    const std::string path = "/v2/a/manifests/latest";
    world.answers["https://r.example" + path] = {{0, {}, "", Fault::not_tls, {}}};
    world.answers["http://r.example" + path] = {{200, {}, kManifest}};
    CHECK(error_of(world, "r.example/a").find("does not speak tls") != std::string::npos);
    CHECK(world.urls() == std::vector<std::string>{"https://r.example" + path});
    FakeWorld lax("[registries.\"r.example\"]\ninsecure = true");
    lax.answers = world.answers;
    CHECK(error_of(lax, "r.example/a") == "no error");
}

TEST_CASE("a failed certificate of an insecure registry's redirect target is not forgiven") {
    FakeWorld world("[registries.\"r.example\"]\ninsecure = true");
    world.answers["https://r.example/v2/a/manifests/latest"] = {
        {307, {{"location", "https://cdn.example/x"}}, ""}};
    world.answers["https://cdn.example/x"] = {{200, {}, kManifest}};
    CHECK(error_of(world, "r.example/a") == "no error");
    REQUIRE(world.requests.size() == 2);
    CHECK_FALSE(world.requests[0].tls->verify);
    CHECK(world.requests[1].tls->verify);
}

TEST_CASE("a connection that is refused is not tried again") {
    FakeWorld world;
    world.answers[kHub] = {{0, {}, "", Fault::connect, {}}};
    CHECK(error_of(world, "nginx").find("cannot connect to \"registry-1.docker.io\"") == 0);
    CHECK(world.requests.size() == 1);
}

TEST_CASE("a connection that was lost is tried again") {
    FakeWorld world;
    world.answers[kHub] = {{200, {}, "{", Fault::cut, {}}, {200, {}, kManifest}};
    CHECK(error_of(world, "nginx") == "no error");
    CHECK(world.requests.size() == 2);
}

TEST_CASE("an address that the server chose is marked with who chose it") {
    FakeWorld world;
    FakeAnswer answer{307, {{"location", "https://cdn.example/x"}}, "", Fault::none, {}};
    answer.peer = AddressClass::private_net;
    world.answers[kHub] = {answer};
    world.answers["https://cdn.example/x"] = {{200, {}, kManifest}};
    CHECK(error_of(world, "nginx") == "no error");
    CHECK_FALSE(world.requests[0].sent_by);
    CHECK(world.requests[1].sent_by == AddressClass::private_net);
}

TEST_CASE("a redirect to a private address literal is refused from a public registry") {
    for (const char* target :
         {"https://127.0.0.1/x", "https://localhost/x", "https://10.0.0.1/x", "https://[::1]/x",
          "https://169.254.169.254/x", "https://[::ffff:127.0.0.1]/x"}) {
        FakeWorld world;
        world.answers[kHub] = {{307, {{"location", target}}, ""}};
        INFO(target);
        CHECK(error_of(world, "nginx").find("refused to go to") != std::string::npos);
        CHECK(world.requests.size() == 1);
    }
}

TEST_CASE("a host that config.toml names may be a target") {
    FakeWorld world("[registries.\"10.0.0.1\"]\ninsecure = false");
    world.answers[kHub] = {{307, {{"location", "https://10.0.0.1/x"}}, ""}};
    world.answers["https://10.0.0.1/x"] = {{200, {}, kManifest}};
    CHECK(error_of(world, "nginx") == "no error");
    CHECK_FALSE(world.requests[1].sent_by);
}

TEST_CASE("once the origin was left, a login does not come back") {
    FakeWorld world;
    world.answers[kHub] = {
        {401, {{"www-authenticate", "Bearer realm=\"https://auth.docker.io/t\""}}, ""},
        {307, {{"location", "https://cdn.example/x"}}, ""},
        {200, {}, kManifest}};
    world.answers["https://auth.docker.io/t?scope=repository%3Alibrary%2Fnginx%3Apull"] = {
        {200, {}, R"({"token":"abc"})"}};
    world.answers["https://cdn.example/x"] = {{307, {{"location", kHub}}, ""}};
    CHECK(error_of(world, "nginx") == "no error");
    REQUIRE(world.requests.size() == 5);
    CHECK(world.header(2, "Authorization") == "Bearer abc");
    CHECK(world.header(3, "Authorization").empty());
    CHECK(world.header(4, "Authorization").empty());
}

TEST_CASE("mirrors are asked in order with their own paths and tokens") {
    FakeWorld world("[registries.\"docker.io\"]\nmirrors = [\"m1.example\", \"m2.example/hub\"]");
    world.answers["https://m2.example/v2/hub/library/nginx/manifests/latest"] = {
        {200, {}, kManifest}};
    CHECK(error_of(world, "nginx") == "no error");
    CHECK(world.urls() ==
          std::vector<std::string>{"https://m1.example/v2/library/nginx/manifests/latest",
                                   "https://m2.example/v2/hub/library/nginx/manifests/latest"});
}

TEST_CASE("a manifest that is not there is a NotFoundError with the registry's words") {
    FakeWorld world;
    world.answers[kHub] = {{404, {}, R"({"errors":[{"code":"X","message":"manifest unknown"}]})"}};
    try {
        (void)world.core->fetch_manifest(oci::Reference::parse("nginx"));
        FAIL("no error");
    } catch (const base::NotFoundError& error) {
        CHECK(error.message().find("no such image") == 0);
        CHECK(error.message().find("manifest unknown") != std::string::npos);
    }
}

TEST_CASE("related hosts are those of one organisation") {
    CHECK(is_related_host("registry-1.docker.io", "auth.docker.io"));
    CHECK(is_related_host("registry.gitlab.com", "gitlab.com"));
    CHECK(is_related_host("quay.io", "quay.io"));
    CHECK(is_related_host("ghcr.io", "auth.ghcr.io"));
    CHECK(is_related_host("127.0.0.1", "127.0.0.1"));
    CHECK_FALSE(is_related_host("127.0.0.1", "127.0.0.2"));
    CHECK_FALSE(is_related_host("quay.io", "evil.io"));
    CHECK_FALSE(is_related_host("a.co.uk", "b.co.uk"));
    CHECK_FALSE(is_related_host("registry.example.com", "example.com.evil.org"));
    CHECK_FALSE(is_related_host("registry.example.com", "notexample.com"));
    CHECK_FALSE(is_related_host("localhost", "evil"));
    CHECK_FALSE(is_related_host("com", "evil.com"));
}

TEST_CASE("a registry's words are one line, safe and short") {
    CHECK(error_words("{\"errors\":[{\"message\":\"a\\u001b[2J\"}]}") == "a\\x1b[2J");
    CHECK(error_words("{\"errors\":[{\"code\":\"DENIED\"}]}") == "denied");
    CHECK(error_words("<html>").empty());
    CHECK(error_words("{\"errors\":{}}").empty());
    CHECK(error_words("{\"errors\":[{\"message\":\"" + std::string(5000, 'x') + "\"}]}").size() <=
          300);
}

namespace {

// A blob of which a server sends the first part and then hangs up, whatever it is asked.
struct CutBlob : FakeWorld {
    explicit CutBlob(std::vector<FakeAnswer> list) {
        answers["https://registry-1.docker.io/v2/library/nginx/blobs/" + digest.str()] = {
            list.begin(), list.end()};
    }
    // Answers the error, empty when the blob came whole.
    std::string fetch() {
        bool done = false;
        std::exception_ptr end;
        core->start_blob({.repository = oci::Reference::parse("nginx"),
                          .digest = digest,
                          .size_bytes = kSize,
                          .on_data = [this](std::string_view data) { bytes += data.size(); },
                          .on_restart = [this] { bytes = 0; },
                          .on_done =
                              [&](std::exception_ptr error) {
                                  done = true;
                                  end = std::move(error);
                              }});
        for (int i = 0; i < 1000 && !done; ++i) core->step(seconds(60), {});
        if (!done) return "no end";
        try {
            if (end) std::rethrow_exception(end);
        } catch (const base::Error& error) {
            return error.message();
        }
        return {};
    }
    static constexpr size_t kSize = 10'000'000;
    const oci::Digest digest = oci::Digest::of("blob");
    size_t bytes = 0;
};

FakeAnswer cut_at(size_t bytes) {
    return {200, {}, std::string(bytes, 'x'), Fault::cut};
}

FakeAnswer rest_from(size_t first, size_t bytes) {
    const std::string range = "bytes " + std::to_string(first) + "-" +
                              std::to_string(CutBlob::kSize - 1) + "/" +
                              std::to_string(CutBlob::kSize);
    return {206, {{"content-range", range}}, std::string(bytes, 'x'), Fault::cut};
}

}  // namespace

TEST_CASE("the same bytes again and again are no progress: the tries end") {
    CutBlob world({cut_at(5'000'000)});
    CHECK_THAT(world.fetch(), Catch::Contains("registry-1.docker.io"));
    CHECK(world.requests.size() == 5);
}

TEST_CASE("each step farther counts the tries from zero, by Range or from the start") {
    std::vector<FakeAnswer> ranges{cut_at(1'000'000)};
    for (size_t at = 1'000'000; at < CutBlob::kSize; at += 1'000'000) {
        ranges.push_back(rest_from(at, 1'000'000));
    }
    CutBlob resumed(ranges);
    CHECK(resumed.fetch().empty());
    CHECK(resumed.bytes == CutBlob::kSize);
    std::vector<FakeAnswer> wholes;
    for (size_t end = 1'000'000; end <= CutBlob::kSize; end += 1'000'000) {
        wholes.push_back(cut_at(end));
    }
    CutBlob restarted(wholes);
    CHECK(restarted.fetch().empty());
    CHECK(restarted.bytes == CutBlob::kSize);
}
