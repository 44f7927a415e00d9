// R01 to R04, R06, R07, R26, R28, R33, R34: what bodies a registry may send.
#include <catch2/catch.hpp>

#include "integration/registry/fake_support.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox;
using namespace sandbox::test;

TEST_CASE("R00 an image comes whole, with one request for each part") {
    Home home;
    FakeRegistry fake("plain");
    const Pulled image = pull(fake.reference());
    CHECK(image.manifest.digest.str() == fake.fact("digest"));
    CHECK(image.layers.size() == 2);
    CHECK(fake.requests().size() == 4);
    CHECK(fake.requests()[0].string_or("path") == "/v2/a/b/manifests/latest");
    for (const auto& request : fake.requests()) {
        CHECK(request["headers"]["authorization"].is_null());
        CHECK(contains(request["headers"].string_or("user-agent"), "sandbox/"));
    }
}

TEST_CASE("R00 an index leads to the platform's manifest") {
    Home home;
    FakeRegistry fake("manifest-index");
    CHECK(pull(fake.reference()).layers.size() == 2);
    CHECK(fake.count("/manifests/") == 2);
}

TEST_CASE("R01 a blob that ends early is resumed by range") {
    Home home;
    FakeRegistry fake("short-blob-once");
    const Pulled image = pull(fake.reference());
    CHECK(image.layers.size() == 2);
    CHECK(image.restarts == 0);
    size_t ranges = 0;
    for (const auto& request : fake.requests()) {
        if (!request["headers"]["range"].is_null()) ++ranges;
    }
    CHECK(ranges == 2);
}

TEST_CASE("R01 a blob that always ends early is an error after some tries") {
    Home home;
    FakeRegistry fake("short-blob", {"--layers", "1"});
    CHECK(contains(pull_error(fake.reference()), "truncated"));
    CHECK(fake.count("/blobs/") <= 8);
}

TEST_CASE("R02 a blob longer than its descriptor is refused") {
    Home home;
    for (const char* scenario : {"long-blob", "long-blob-length"}) {
        INFO(scenario);
        FakeRegistry fake(scenario, {"--layers", "1"});
        const std::string error = pull_error(fake.reference());
        CHECK(contains(error, "size of blob sha256:"));
        CHECK(fake.count("/blobs/") == 2);
    }
}

TEST_CASE("R03 a layer of the right size with other content is told by its digest") {
    Home home;
    FakeRegistry fake("wrong-blob", {"--layers", "1"});
    const std::string error = pull_error(fake.reference());
    CHECK(contains(error, "digest is wrong: sha256:"));
    CHECK(contains(error, "found sha256:"));
    CHECK(fake.count("/blobs/") <= 3);
}

TEST_CASE("R03 a config with other content is asked for twice, then refused with both digests") {
    Home home;
    FakeRegistry fake("wrong-config", {"--layers", "1"});
    const std::string error = pull_error(fake.reference());
    CHECK(contains(error, "digest of a blob is wrong: sha256:"));
    CHECK(contains(error, "was promised, sha256:"));
    CHECK(fake.count("/blobs/") == 2);
}

TEST_CASE("R04 a manifest by digest must be what its digest says") {
    Home home;
    FakeRegistry fake("wrong-manifest");
    const std::string error = pull_error(fake.reference("a/b@" + fake.fact("digest")));
    CHECK(contains(error, "digest of the manifest"));
    CHECK(contains(error, fake.fact("digest")));
}

TEST_CASE("R04 the digest header of a manifest by tag is not believed") {
    Home home;
    FakeRegistry fake("wrong-manifest");
    CHECK(pull(fake.reference()).manifest.digest.str() == fake.fact("digest"));
}

TEST_CASE("R06 a manifest of more than 4 MiB is refused early") {
    Home home;
    for (const char* scenario : {"huge-manifest", "huge-manifest-length"}) {
        INFO(scenario);
        FakeRegistry fake(scenario);
        CHECK(contains(pull_error(fake.reference()), "too large"));
        CHECK(fake.count("/manifests/") == 1);
    }
}

TEST_CASE("R07 a config, a token and an error body are cut at their limits") {
    Home home;
    {
        FakeRegistry fake("huge-config");
        CHECK(contains(pull_error(fake.reference()), "size of blob"));
    }
    {
        FakeRegistry fake("huge-token");
        CHECK(contains(pull_error(fake.reference()), "too large"));
        CHECK(fake.count("/token") == 1);
    }
    {
        FakeRegistry fake("endless-error");
        CHECK(contains(pull_error(fake.reference()), "no such image"));
    }
    {
        FakeRegistry fake("endless-error-500");
        CHECK(contains(pull_error(fake.reference()), "status 500"));
    }
}

TEST_CASE("R26 a connection that is reset at each tenth resumes by range") {
    Home home;
    FakeRegistry fake("reset-tenths", {"--layers", "1", "--layer-bytes", "100000000"});
    const Pulled image = pull(fake.reference());
    CHECK(image.layers.begin()->second.size() > 99'000'000);
    CHECK(image.restarts == 0);
    CHECK(fake.count("/blobs/") >= 10);
}

TEST_CASE("R26 a server that ignores range makes the blob start again, joined to nothing") {
    Home home;
    FakeRegistry fake("reset-tenths-no-range", {"--layers", "1", "--layer-bytes", "3000000"});
    const Pulled image = pull(fake.reference());
    CHECK(image.restarts >= 1);
}

TEST_CASE("R26 a wrong content-range is refused") {
    Home home;
    for (const char* scenario : {"wrong-range-first", "wrong-range-total", "wrong-range-none"}) {
        INFO(scenario);
        FakeRegistry fake(std::string(scenario) + ",short-blob-once", {"--layers", "1"});
        CHECK(contains(pull_error(fake.reference()), "wrong content-range"));
    }
}

TEST_CASE("R28 a content-encoding header does not change a blob's bytes") {
    Home home;
    FakeRegistry fake("encoded-blob");
    CHECK(pull(fake.reference()).layers.size() == 2);
    for (const auto& request : fake.requests()) {
        CHECK(request["headers"].string_or("accept-encoding") == "identity");
    }
}

TEST_CASE("R34 a tag that moves during a pull gives one of the two images, whole") {
    Home home;
    FakeRegistry fake("tag-swap");
    registry::Client client;
    const Pulled first = pull(client, fake.reference());
    CHECK(first.layers.size() == 2);
    CHECK(fake.count("/manifests/") == 1);
    const Pulled second = pull(client, fake.reference());
    CHECK(second.layers.size() == 1);
}

TEST_CASE("a download is taken up where an earlier run left it") {
    Home home;
    FakeRegistry fake("plain", {"--layers", "1"});
    const Pulled whole = pull(fake.reference());
    const auto& [digest, body] = *whole.layers.begin();
    registry::Client client;
    std::string rest;
    bool done = false;
    registry::BlobRequest request{
        fake.reference(), oci::Digest::parse(digest), body.size(), 1000, {}, {}, {}};
    request.on_data = [&](std::string_view bytes) { rest.append(bytes); };
    request.on_restart = [] { FAIL("no restart is needed"); };
    request.on_done = [&](std::exception_ptr error) {
        CHECK_FALSE(error);
        CHECK_FALSE(done);
        done = true;
    };
    client.start_blob(std::move(request));
    while (client.step(std::chrono::milliseconds(100))) {
    }
    CHECK(done);
    CHECK(rest == body.substr(1000));
}

TEST_CASE("an error of the caller ends only his transfer, at once") {
    Home home;
    FakeRegistry fake("plain", {"--layers", "2"});
    registry::Client client;
    const auto found = client.fetch_manifest(fake.reference());
    const oci::Manifest manifest = oci::parse_manifest(found.body, found.content_type);
    int good = 0;
    int bad = 0;
    for (const oci::Descriptor& layer : manifest.layers) {
        const bool fail = &layer == &manifest.layers.front();
        registry::BlobRequest request{
            fake.reference(), layer.digest, layer.size_bytes, 0, {}, {}, {}};
        request.on_data = [fail](std::string_view) {
            if (fail) throw base::Error("disk full");
        };
        request.on_done = [&](std::exception_ptr error) { error ? ++bad : ++good; };
        client.start_blob(std::move(request));
    }
    while (client.step(std::chrono::milliseconds(100))) {
    }
    CHECK(good == 1);
    CHECK(bad == 1);
    CHECK(fake.count("/blobs/") == 2);
}

TEST_CASE("cancelled transfers call nobody back") {
    Home home;
    FakeRegistry fake("stalled-blob");
    registry::Client client;
    const auto found = client.fetch_manifest(fake.reference());
    const oci::Manifest manifest = oci::parse_manifest(found.body, found.content_type);
    for (const oci::Descriptor& layer : manifest.layers) {
        registry::BlobRequest request{
            fake.reference(), layer.digest, layer.size_bytes, 0, {}, {}, {}};
        request.on_done = [](std::exception_ptr) { FAIL("called back"); };
        client.start_blob(std::move(request));
    }
    (void)client.step(std::chrono::milliseconds(50));
    client.cancel_all();
    CHECK_FALSE(client.step(std::chrono::milliseconds(0)));
}
