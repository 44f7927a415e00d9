// R05, R08 to R12, R22, R31 to R33: documents that a registry may send, and names it may be asked.
#include <catch2/catch.hpp>

#include "integration/registry/fake_support.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox;
using namespace sandbox::test;

namespace {
// What a pull answers to a spoiled manifest, and that it asked for nothing else.
std::string spoiled(const std::string& name) {
    Home home;
    FakeRegistry fake("manifest-" + name);
    const std::string error = pull_error(fake.reference());
    CHECK(fake.count("/blobs/") == 0);
    return error;
}
}  // namespace

TEST_CASE("R05 a descriptor's size must be a whole number from 0 to 2^63") {
    for (const char* name :
         {"size-negative", "size-huge", "size-float", "size-string", "size-exponent"}) {
        INFO(name);
        const std::string error = spoiled(name);
        CHECK(contains(error, "size"));
        CHECK_FALSE(contains(error, "no error"));
    }
}

TEST_CASE("R08 what is not strict json is refused") {
    for (const char* name : {"json-truncated", "json-garbage", "json-deep", "json-duplicate",
                             "json-nan", "json-bom", "json-nul", "json-surrogate"}) {
        INFO(name);
        CHECK(contains(spoiled(name), "json"));
    }
}

TEST_CASE("R09 a document that could be two things is refused") {
    for (const char* name : {"both-kinds", "type-mismatch"}) {
        INFO(name);
        CHECK(contains(spoiled(name), "ambiguous"));
    }
}

TEST_CASE("R10 an index inside an index, or one with too many entries, is refused") {
    CHECK_FALSE(contains(spoiled("nested-index"), "no error"));
    CHECK_FALSE(contains(spoiled("wide-index"), "no error"));
}

TEST_CASE("R11 a malformed digest is refused") {
    for (const char* name : {"digest-dots", "digest-upper", "digest-short", "digest-md5",
                             "digest-empty", "digest-nul"}) {
        INFO(name);
        const std::string error = spoiled(name);
        CHECK_FALSE(contains(error, "no error"));
        CHECK((contains(error, "digest") || contains(error, "json")));
    }
}

TEST_CASE("R12 names that would change the url are refused before any request") {
    Home home;
    FakeRegistry fake("plain");
    for (const char* rest :
         {"../x:latest", "a/../../x", "a/%2e%2e/x", "a?b", "a#b", "a:t?x", "a:t#x", "a:..",
          "a\r\nX", "a:t\r\nX: y", "a b", "a//b", "a/b:%0d%0a", "a/b@sha256:../../x"}) {
        INFO(rest);
        CHECK(contains(error_of([&] { (void)pull(fake.reference(rest)); }),
                       "invalid reference format"));
    }
    CHECK(fake.requests().empty());
}

TEST_CASE("R22 a foreign layer is refused and never fetched from its urls") {
    const std::string error = spoiled("foreign-layer");
    CHECK_FALSE(contains(error, "no error"));
}

TEST_CASE("R31 an image for other machines only lists what exists") {
    const std::string error = spoiled("other-platform");
    CHECK(contains(error, "no image for platform"));
    CHECK(contains(error, "s390x"));
    CHECK(contains(error, "mips64"));
}

TEST_CASE("R32 a document of an unknown kind is named") {
    CHECK(contains(spoiled("schema1"), "schema"));
    CHECK(contains(spoiled("artifact"), "artifact"));
    CHECK(contains(spoiled("unknown-type"), "x-strange"));
    CHECK(contains(spoiled("unknown-layer-type"), "x-odd"));
}

TEST_CASE("R33 a layer that an image has twice may be fetched once or twice, and is whole") {
    Home home;
    FakeRegistry fake("manifest-double-layer");
    CHECK(pull(fake.reference()).manifest.digest.str() == fake.fact("digest"));
}
