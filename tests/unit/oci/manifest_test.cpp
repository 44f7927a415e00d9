#include "sandbox/oci/manifest.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/base/json.hpp"

using namespace sandbox;
using namespace sandbox::oci;
using base::IntegrityError;
namespace json = base::json;

namespace {

constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kIndexType = "application/vnd.oci.image.index.v1+json";
constexpr const char* kDockerType = "application/vnd.docker.distribution.manifest.v2+json";
const std::string kDigest = "sha256:" + std::string(64, 'a');

json::Object descriptor(const std::string& type, json::Value size = 10) {
    return {{"mediaType", type}, {"digest", kDigest}, {"size", std::move(size)}};
}
json::Object config_descriptor() {
    return descriptor("application/vnd.oci.image.config.v1+json");
}
json::Object layer_descriptor() {
    return descriptor("application/vnd.oci.image.layer.v1.tar+gzip", 100);
}
json::Object manifest() {
    return {{"schemaVersion", 2},
            {"mediaType", kManifestType},
            {"config", config_descriptor()},
            {"layers", json::Array{layer_descriptor()}}};
}
json::Object entry(const std::string& arch, const std::string& os = "linux") {
    json::Object object = descriptor(kManifestType);
    object["platform"] = json::Object{{"os", os}, {"architecture", arch}};
    return object;
}
json::Object index(json::Array entries) {
    return {{"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", std::move(entries)}};
}
std::string text_of(const json::Object& object) {
    return json::dump(object);
}

// The message of the refusal, or "" when it is accepted.
std::string refusal(const json::Object& document, std::string_view content_type = {}) {
    try {
        (void)parse_manifest(text_of(document), content_type);
        return {};
    } catch (const IntegrityError& error) {
        return error.message();
    }
}
json::Object with(json::Object object, const std::string& key, json::Value value) {
    object[key] = std::move(value);
    return object;
}
json::Object with_layer(json::Object layer) {
    return with(manifest(), "layers", json::Array{std::move(layer)});
}

}  // namespace

TEST_CASE("a manifest gives its config, its layers from the bottom and its annotations") {
    json::Object document = with(manifest(), "annotations", json::Object{{"k", "v"}});
    const Manifest parsed = parse_manifest(text_of(document), kManifestType);
    CHECK(parsed.media_type == MediaType::oci_manifest);
    CHECK(parsed.config.media_type == MediaType::oci_config);
    CHECK(parsed.config.size_bytes == 10);
    REQUIRE(parsed.layers.size() == 1);
    CHECK(parsed.layers[0].media_type == MediaType::layer_tar_gzip);
    CHECK(parsed.layers[0].digest.str() == kDigest);
    CHECK(parsed.annotations.at("k") == "v");
    CHECK(parse_manifest(to_json(parsed)).layers[0].size_bytes == 100);
}

TEST_CASE("docker's manifests keep docker's names when they are written") {
    json::Object document = manifest();
    document["mediaType"] = kDockerType;
    document["config"] = descriptor("application/vnd.docker.container.image.v1+json");
    document["layers"] =
        json::Array{descriptor("application/vnd.docker.image.rootfs.diff.tar.gzip")};
    const Manifest parsed = parse_manifest(text_of(document));
    CHECK(parsed.media_type == MediaType::docker_manifest);
    CHECK(to_json(parsed) == text_of(document));
}

TEST_CASE(
    "R05: a size that is negative, zero, beyond 63 bits, broken or text is a bad descriptor") {
    const std::vector<json::Value> sizes{-1, 0, std::uint64_t{1} << 63, 1.5, "10", nullptr, true};
    for (const json::Value& size : sizes) {
        const std::string type = "application/vnd.oci.image.layer.v1.tar";
        CHECK_THAT(refusal(with_layer(descriptor(type, size))), Catch::Contains("bad descriptor"));
    }
    json::Object missing = layer_descriptor();
    missing.erase("size");
    CHECK_THAT(refusal(with_layer(missing)), Catch::Contains("bad descriptor"));
    const json::Object huge = descriptor("application/vnd.oci.image.layer.v1.tar", INT64_MAX);
    CHECK(refusal(with_layer(huge)).empty());
    CHECK_THAT(refusal(with(manifest(), "layers", json::Array{huge, huge})),
               Catch::Contains("bad descriptor"));
}

TEST_CASE("R06: a manifest above 4 MiB is too large, whatever is in it") {
    std::string text = text_of(manifest());
    text.append(kMaxManifestBytes - text.size(), ' ');
    CHECK_NOTHROW(parse_manifest(text));
    text.push_back(' ');
    CHECK_THROWS_WITH(parse_manifest(text), Catch::Contains("too large"));
    CHECK_THROWS_WITH(parse_index(text), Catch::Contains("too large"));
    CHECK_THROWS_WITH(document_kind(text), Catch::Contains("too large"));
    CHECK_THAT(refusal(with(manifest(), "config",
                            descriptor("application/vnd.oci.image.config.v1+json",
                                       std::int64_t{100'000'000}))),
               Catch::Contains("too large"));
}

TEST_CASE("R08: what is not strict JSON is refused") {
    for (const std::string& text : std::vector<std::string>{
             "", "{", std::string(100'000, '['), "{\"schemaVersion\":2,\"schemaVersion\":2}", "[]",
             "null", "{\"schemaVersion\":NaN}", "\xEF\xBB\xBF{}", "{\"a\":\"\\u0000\"}",
             "{\"a\":\"\\udc00\"}"}) {
        INFO(text.substr(0, 40));
        CHECK_THROWS_AS(parse_manifest(text), IntegrityError);
        CHECK_THROWS_AS(parse_index(text), IntegrityError);
        CHECK_THROWS_AS(document_kind(text), IntegrityError);
    }
}

TEST_CASE("R09: a document that is an index and an image at once is ambiguous") {
    CHECK_THAT(refusal(with(manifest(), "manifests", json::Array{})), Catch::Contains("ambiguous"));
    const std::string both = text_of(with(index({}), "layers", json::Array{}));
    CHECK_THROWS_WITH(parse_index(both), Catch::Contains("ambiguous"));
    CHECK_THROWS_WITH(document_kind(both), Catch::Contains("ambiguous"));
}

TEST_CASE("R09: header, media type and content must agree") {
    CHECK_THAT(refusal(manifest(), kIndexType), Catch::Contains("ambiguous"));
    CHECK_THAT(refusal(manifest(), kDockerType), Catch::Contains("ambiguous"));
    CHECK_THAT(refusal(with(manifest(), "mediaType", kIndexType)), Catch::Contains("ambiguous"));
    json::Object untyped = manifest();
    untyped.erase("mediaType");
    CHECK(refusal(untyped).empty());
    CHECK(refusal(untyped, kManifestType).empty());
    CHECK_THAT(refusal(untyped, kIndexType), Catch::Contains("ambiguous"));
    CHECK_THAT(refusal(untyped, "text/html"), Catch::Contains("text/html"));
    CHECK(refusal(manifest(), std::string(kManifestType) + "; charset=utf-8").empty());
    CHECK(refusal(manifest(), "application/json").empty());
}

TEST_CASE("R09: a key that differs from a known one in case only is ambiguous") {
    CHECK_THAT(refusal(with(manifest(), "Layers", json::Array{})), Catch::Contains("ambiguous"));
    CHECK_THAT(refusal(with(manifest(), "MEDIATYPE", kIndexType)), Catch::Contains("ambiguous"));
}

TEST_CASE("R10: an index of too many entries is refused") {
    json::Array entries(kMaxIndexEntries, json::Value(entry("amd64")));
    CHECK(parse_index(text_of(index(entries))).entries.size() == kMaxIndexEntries);
    entries.emplace_back(entry("amd64"));
    CHECK_THROWS_WITH(parse_index(text_of(index(entries))), Catch::Contains("more than 1000"));
}

TEST_CASE("R10: an index inside an index is never chosen for a platform") {
    json::Object nested = entry("amd64");
    nested["mediaType"] = kIndexType;
    const Index parsed = parse_index(text_of(index({nested})));
    CHECK_THROWS_WITH(select_platform(parsed, Platform::parse("linux/amd64")),
                      Catch::Contains("an index inside an index"));
}

TEST_CASE("R11: a bad digest in any descriptor is refused") {
    for (const std::string& digest : std::vector<std::string>{
             "sha256:../../../../x", "sha256:" + std::string(64, 'A'),
             "sha256:" + std::string(63, 'a'), "md5:" + std::string(32, 'a'), ""}) {
        CHECK_THAT(refusal(with_layer(with(layer_descriptor(), "digest", digest))),
                   Catch::Contains("bad digest"));
        CHECK_THAT(refusal(with(manifest(), "config", with(config_descriptor(), "digest", digest))),
                   Catch::Contains("bad digest"));
        CHECK_THROWS_WITH(parse_index(text_of(index({with(entry("amd64"), "digest", digest)}))),
                          Catch::Contains("bad digest"));
    }
}

TEST_CASE("R22: a foreign layer is refused by name, its urls are not even kept") {
    for (const char* type : {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                             "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"}) {
        json::Object layer = descriptor(type);
        layer["urls"] = json::Array{"http://169.254.169.254/"};
        const std::string message = refusal(with_layer(layer));
        CHECK_THAT(message, Catch::Contains("foreign layer") && Catch::Contains(type));
    }
    json::Object layer = layer_descriptor();
    layer["urls"] = json::Array{"http://169.254.169.254/"};
    CHECK(refusal(with_layer(layer)).empty());
}

TEST_CASE("R31: an image for other platforms only is refused with the list of what there is") {
    const Index parsed =
        parse_index(text_of(index({entry("arm64"), entry("s390x"), entry("unknown", "unknown")})));
    CHECK_THROWS_WITH(select_platform(parsed, Platform::parse("linux/amd64")),
                      "no image for platform linux/amd64: there is linux/arm64, linux/s390x");
    CHECK_THROWS_AS(select_platform(Index{}, Platform::parse("linux/amd64")), base::Error);
}

TEST_CASE("the best entry of an index is chosen, the first of equals, the unsaid last") {
    json::Object v6 = entry("arm");
    v6["platform"] = json::Object{{"os", "linux"}, {"architecture", "arm"}, {"variant", "v6"}};
    json::Object v7 = v6;
    v7["platform"] = json::Object{{"os", "linux"}, {"architecture", "arm"}, {"variant", "v7"}};
    v7["size"] = 7;
    json::Object second_v7 = v7;
    second_v7["size"] = 8;
    json::Object unsaid = descriptor(kManifestType, 9);
    const Index parsed = parse_index(text_of(index({unsaid, v6, v7, second_v7, entry("amd64")})));
    CHECK(select_platform(parsed, Platform::parse("linux/arm/v7")).descriptor.size_bytes == 7);
    CHECK(select_platform(parsed, Platform::parse("linux/arm/v6")).descriptor.size_bytes == 10);
    CHECK(select_platform(parsed, Platform::parse("linux/s390x")).descriptor.size_bytes == 9);
}

TEST_CASE("R32: schema 1, artifacts, no layers and unknown types are refused by name") {
    CHECK_THROWS_WITH(document_kind("{\"schemaVersion\":1,\"name\":\"x\",\"fsLayers\":[]}"),
                      Catch::Contains("schema 1"));
    CHECK_THROWS_WITH(document_kind(text_of(manifest()),
                                    "application/vnd.docker.distribution.manifest.v1+prettyjws"),
                      Catch::Contains("ambiguous"));
    CHECK_THROWS_WITH(document_kind("{\"schemaVersion\":1}",
                                    "application/vnd.docker.distribution.manifest.v1+prettyjws"),
                      Catch::Contains("schema 1"));
    CHECK_THAT(
        refusal(with(manifest(), "mediaType", "application/vnd.oci.artifact.manifest.v1+json")),
        Catch::Contains("application/vnd.oci.artifact.manifest.v1+json"));
    CHECK_THAT(
        refusal(with(manifest(), "config", descriptor("application/vnd.cncf.helm.config.v1+json"))),
        Catch::Contains("application/vnd.cncf.helm.config.v1+json"));
    CHECK_THAT(refusal(with(manifest(), "layers", json::Array{})),
               Catch::Contains("layers: empty"));
    CHECK_THAT(refusal(with_layer(descriptor("application/octet-stream"))),
               Catch::Contains("unknown layer type \"application/octet-stream\""));
    CHECK_THAT(refusal(with(manifest(), "schemaVersion", 3)), Catch::Contains("schemaVersion"));
    CHECK_THROWS_WITH(parse_manifest("{\"schemaVersion\":2}"), Catch::Contains("neither"));
}

TEST_CASE("more layers than overlayfs can stack are refused") {
    json::Array layers(kMaxLayers, json::Value(layer_descriptor()));
    CHECK(refusal(with(manifest(), "layers", layers)).empty());
    layers.emplace_back(layer_descriptor());
    CHECK_THAT(refusal(with(manifest(), "layers", layers)), Catch::Contains("more than 500"));
}

TEST_CASE("an index leaves out what is neither image nor index, and is told from an image") {
    json::Object other = entry("amd64");
    other["mediaType"] = "application/vnd.example+json";
    const std::string text = text_of(index({other, entry("arm64")}));
    CHECK(parse_index(text).entries.size() == 1);
    CHECK(document_kind(text) == DocumentKind::index);
    CHECK(document_kind(text_of(manifest())) == DocumentKind::manifest);
    CHECK_THROWS_AS(parse_manifest(text), IntegrityError);
    CHECK_THROWS_AS(parse_index(text_of(manifest())), IntegrityError);
}

TEST_CASE("members of a wrong type are refused with their path") {
    CHECK_THAT(refusal(with(manifest(), "layers", json::Object{})),
               Catch::Contains("manifest: layers: not a list"));
    CHECK_THAT(refusal(with(manifest(), "config", "x")), Catch::Contains("manifest: config"));
    CHECK_THAT(refusal(with(manifest(), "annotations", json::Object{{"k", 1}})),
               Catch::Contains("annotations"));
    CHECK_THAT(refusal(with(manifest(), "mediaType", 1)), Catch::Contains("mediaType"));
}

TEST_CASE("a request for a manifest accepts all four kinds and nothing else") {
    CHECK(manifest_accept_header() ==
          "application/vnd.oci.image.index.v1+json, "
          "application/vnd.docker.distribution.manifest.list.v2+json, "
          "application/vnd.oci.image.manifest.v1+json, "
          "application/vnd.docker.distribution.manifest.v2+json");
}
