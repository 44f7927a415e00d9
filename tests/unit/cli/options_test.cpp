#include "cli/options.hpp"

#include <catch2/catch.hpp>

#include "cli/image_filter.hpp"
#include "cli/listing_flags.hpp"
#include "sandbox/base/error.hpp"

namespace sandbox::cli {
namespace {

TEST_CASE("labels are NAME or NAME=VALUE, and a name is needed") {
    const auto labels = parse_labels({"a", "b=1", "c=x=y", "b=2"});
    CHECK(labels == std::map<std::string, std::string>{{"a", ""}, {"b", "2"}, {"c", "x=y"}});
    CHECK_THROWS_AS(parse_labels({"=x"}), base::UsageError);
    CHECK_THROWS_AS(parse_labels({""}), base::UsageError);
}

TEST_CASE("pull policies are docker's words, and another word is a bad value with 125") {
    CHECK(pull_policy("always") == image::PullPolicy::always);
    CHECK(pull_policy("never") == image::PullPolicy::never);
    CHECK(pull_policy("missing") == image::PullPolicy::missing);
    try {
        (void)pull_policy("sometimes");
        FAIL("no error");
    } catch (const base::UsageError& error) {
        CHECK(error.code() == 125);
    }
}

TEST_CASE("a reference is matched by its short and its long name, with and without the tag") {
    const oci::Reference nginx = oci::Reference::parse("nginx:1.25");
    for (const char* pattern :
         {"nginx", "nginx:1.25", "ngi*", "nginx:*", "*:1.25", "docker.io/library/nginx",
          "docker.io/library/nginx:1.*", "docker.io/*/nginx"}) {
        INFO(pattern);
        CHECK(matches_reference(nginx, pattern));
    }
    for (const char* pattern : {"ngin", "nginx:1.2", "docker.io/*", "x*", "nginx:1.25x"}) {
        INFO(pattern);
        CHECK_FALSE(matches_reference(nginx, pattern));
    }
    const oci::Reference own = oci::Reference::parse("127.0.0.1:5000/team/app:v1");
    CHECK(matches_reference(own, "*/team/app"));
    CHECK(matches_reference(own, "app:v1"));
    CHECK_FALSE(matches_reference(own, "team"));
}

TEST_CASE("times are written as docker writes them") {
    CHECK(go_time(1'700'000'000) == "2023-11-14 22:13:20 +0000 UTC");
    CHECK(go_time(0) == "N/A");
    CHECK(since(0) == "N/A");
}

}  // namespace
}  // namespace sandbox::cli
