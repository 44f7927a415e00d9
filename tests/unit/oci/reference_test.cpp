#include "sandbox/oci/reference.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "sandbox/base/error.hpp"

using namespace sandbox;
using oci::Digest;
using oci::ImageSource;
using oci::Reference;

namespace {
const std::string kDigest = "sha256:" + std::string(64, 'a');
}

TEST_CASE("short names are completed as docker completes them") {
    struct Case {
        std::string text;
        std::string canonical;
        std::string familiar;
    };
    for (const Case& c : std::vector<Case>{
             {"nginx", "docker.io/library/nginx:latest", "nginx:latest"},
             {"nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25"},
             {"user/app", "docker.io/user/app:latest", "user/app:latest"},
             {"docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"},
             {"index.docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"},
             {"docker.io/user/app:x", "docker.io/user/app:x", "user/app:x"},
             {"library/nginx", "docker.io/library/nginx:latest", "nginx:latest"},
             {"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"},
             {"quay.io/org/app", "quay.io/org/app:latest", "quay.io/org/app:latest"},
             {"localhost/app", "localhost/app:latest", "localhost/app:latest"},
             {"localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest"},
             {"host:5000/a/b:t", "host:5000/a/b:t", "host:5000/a/b:t"},
             {"[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"},
             {"[fe80::1]/app", "[fe80::1]/app:latest", "[fe80::1]/app:latest"},
             {"HOST/app", "HOST/app:latest", "HOST/app:latest"},
             {"127.0.0.1:5000/app", "127.0.0.1:5000/app:latest", "127.0.0.1:5000/app:latest"},
             {"app@" + kDigest, "docker.io/library/app@" + kDigest, "app@" + kDigest},
             {"app:t@" + kDigest, "docker.io/library/app:t@" + kDigest, "app:t@" + kDigest},
             {"a__b/c-d---e/f.g_h", "docker.io/a__b/c-d---e/f.g_h:latest",
              "a__b/c-d---e/f.g_h:latest"},
             {"app:_x.Y-9", "docker.io/library/app:_x.Y-9", "app:_x.Y-9"},
             {"host.com", "docker.io/library/host.com:latest", "host.com:latest"},
             {"5000", "docker.io/library/5000:latest", "5000:latest"},
         }) {
        INFO(c.text);
        const Reference reference = Reference::parse(c.text);
        CHECK(reference.str() == c.canonical);
        CHECK(reference.familiar() == c.familiar);
        CHECK(Reference::parse(reference.str()) == reference);
        CHECK(Reference::parse(reference.familiar()) == reference);
    }
}

TEST_CASE("names that docker refuses are refused before anything is asked for") {
    for (const std::string& text : std::vector<std::string>{"",
                                                            ":",
                                                            "/",
                                                            "a/",
                                                            "/a",
                                                            "a//b",
                                                            ":tag",
                                                            "@" + kDigest,
                                                            "App",
                                                            "user/App",
                                                            "host.com/App",
                                                            "a:",
                                                            "a:b:c",
                                                            "a@",
                                                            "a@sha256:" + std::string(63, 'a'),
                                                            "a@md5:" + std::string(32, 'a'),
                                                            "a@" + kDigest + ":t",
                                                            "a:-x",
                                                            "a:.x",
                                                            "a:" + std::string(129, 'x'),
                                                            "-a",
                                                            "a-",
                                                            "a..b",
                                                            "a___b",
                                                            "a._b",
                                                            "_a",
                                                            ".a",
                                                            "a.",
                                                            "..",
                                                            "../a",
                                                            "a/../b",
                                                            "host.com/../a",
                                                            "host.com/..",
                                                            "a%2e%2e",
                                                            "a?b",
                                                            "a#b",
                                                            "a b",
                                                            "a\r\nb",
                                                            "a\n",
                                                            "a:t\r\nX: y",
                                                            "a:t?x",
                                                            "a:t#x",
                                                            "a:t/../x",
                                                            "a:%2e%2e",
                                                            "host:/a",
                                                            "host:port/a",
                                                            "host:70000/a",
                                                            "host:0/a",
                                                            "host:5000:5/a",
                                                            "-host.com/a",
                                                            "host-.com/a",
                                                            "host..com/a",
                                                            ".com/a",
                                                            "host./a",
                                                            "[::1/a",
                                                            "[]/a",
                                                            "[::g]/a",
                                                            "[::1]x/a",
                                                            "user@host.com/a",
                                                            "https://host.com/a",
                                                            "localhost:5000",
                                                            "a\\b",
                                                            std::string("a\0b", 3),
                                                            "\xC3\xA4",
                                                            std::string(64, 'a'),
                                                            std::string(250, 'a'),
                                                            "host.com/" + std::string(250, 'a')}) {
        INFO(text);
        if (text == "localhost:5000") {
            CHECK(Reference::parse(text).str() == "docker.io/library/localhost:5000");
            continue;
        }
        try {
            const auto reference = Reference::parse(text);
            FAIL_CHECK("accepted as " << reference.str());
        } catch (const base::UsageError& error) {
            CHECK_THAT(error.message(), Catch::StartsWith("invalid reference format"));
            CHECK(error.code() == base::exit_code::kEngine);
        }
    }
}

TEST_CASE("a familiar name is never one that means another image") {
    for (const char* text : {"docker.io/foo.bar/app", "docker.io/localhost/app"}) {
        const Reference reference = Reference::parse(text);
        CHECK(reference.domain() == "docker.io");
        CHECK(Reference::parse(reference.familiar()) == reference);
    }
    const Reference hex = Reference::parse("docker.io/library/" + std::string(64, 'a'));
    CHECK(Reference::parse(hex.familiar_name()).path() == hex.path());
}

TEST_CASE("a tag or a digest can be exchanged") {
    const Reference reference = Reference::parse("app:t");
    CHECK(reference.with_tag("u").familiar() == "app:u");
    CHECK(reference.with_digest(Digest::parse(kDigest)).familiar() == "app@" + kDigest);
    CHECK_FALSE(reference.with_digest(Digest::parse(kDigest)).tag());
    CHECK_THROWS_AS(reference.with_tag("no/tag"), base::UsageError);
}

TEST_CASE("random texts are refused or have a canonical form that reads back the same") {
    const std::vector<std::string> pieces{
        "a",  "b1", "A",    "/",    ":",         "@",         ".",        "-",       "_",
        "__", "..", "//",   "5000", "localhost", "[",         "]",        "sha256:", "%",
        "?",  "#",  "\r\n", "::",   "host",      "docker.io", "library/", kDigest};
    std::mt19937 random(20261124);  // fixed: a failure must be repeatable
    std::uniform_int_distribution<size_t> piece(0, pieces.size() - 1);
    std::uniform_int_distribution<int> length(0, 7);
    std::uniform_int_distribution<int> byte(0, 255);
    int accepted = 0;
    for (int i = 0; i < 100'000; ++i) {
        std::string text;
        const int count = length(random);
        for (int k = 0; k < count; ++k) text += pieces[piece(random)];
        if (i % 16 == 0) text.push_back(static_cast<char>(byte(random)));
        try {
            const Reference reference = Reference::parse(text);
            ++accepted;
            if (Reference::parse(reference.str()) != reference ||
                Reference::parse(reference.familiar()) != reference) {
                FAIL_CHECK(text);
            }
        } catch (const base::UsageError&) {
            continue;
        }
    }
    CHECK(accepted > 1000);
}

TEST_CASE("ids are lower-case hex of two to 64 digits") {
    CHECK(oci::looks_like_id("ab"));
    CHECK(oci::looks_like_id(std::string(64, '0')));
    for (const std::string& text : {std::string("a"), std::string(65, '0'), std::string("AB"),
                                    std::string("xy"), std::string("sha256:ab"), std::string()}) {
        CHECK_FALSE(oci::looks_like_id(text));
    }
}

TEST_CASE("an image source is a registry, a directory or an archive") {
    const auto registry = ImageSource::parse("docker://nginx:1");
    CHECK(registry.kind == ImageSource::Kind::registry);
    CHECK(registry.reference->familiar() == "nginx:1");
    CHECK(ImageSource::parse("nginx").reference->familiar() == "nginx:latest");

    const auto dir = ImageSource::parse("oci:/some/dir:v1");
    CHECK(dir.kind == ImageSource::Kind::oci_dir);
    CHECK(dir.path == "/some/dir");
    CHECK(dir.selector == "v1");
    CHECK_FALSE(dir.reference);

    const auto archive = ImageSource::parse("docker-archive:x.tar:busybox:latest");
    CHECK(archive.kind == ImageSource::Kind::docker_archive);
    CHECK(archive.path == "x.tar");
    CHECK(archive.selector == "busybox:latest");

    const auto by_index = ImageSource::parse("oci-archive:x.tar:@0");
    CHECK(by_index.kind == ImageSource::Kind::oci_archive);
    CHECK(by_index.selector == "@0");
    CHECK(ImageSource::parse("oci-archive:x.tar").selector.empty());

    CHECK_THROWS_AS(ImageSource::parse("oci:"), base::UsageError);
    CHECK_THROWS_AS(ImageSource::parse("oci::tag"), base::UsageError);
    CHECK_THROWS_AS(ImageSource::parse("docker://"), base::UsageError);
    CHECK_THROWS_AS(ImageSource::parse("containers-storage:nginx:x"), base::UsageError);
}
