#include "sandbox/oci/platform.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

using namespace sandbox;
using oci::Platform;

namespace {
int fitness(const std::string& wanted, const Platform& offered) {
    return Platform::parse(wanted).fitness(offered);
}
}  // namespace

TEST_CASE("platforms are read in everybody's words and written in Go's") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"linux/amd64", "linux/amd64"},
        {"linux/x86_64", "linux/amd64"},
        {"amd64", "linux/amd64"},
        {"Linux/AMD64", "linux/amd64"},
        {"linux/aarch64", "linux/arm64"},
        {"linux/arm64/v8", "linux/arm64"},
        {"arm64", "linux/arm64"},
        {"linux/arm", "linux/arm/v7"},
        {"linux/arm/7", "linux/arm/v7"},
        {"linux/arm/v6", "linux/arm/v6"},
        {"armhf", "linux/arm/v7"},
        {"armel", "linux/arm/v6"},
        {"linux/amd64/v3", "linux/amd64/v3"},
        {"linux/i686", "linux/386"},
        {"windows/amd64", "windows/amd64"},
        {"macos/arm64", "darwin/arm64"},
        {"linux/riscv64", "linux/riscv64"},
        {"linux/s390x", "linux/s390x"}};
    for (const auto& [text, expected] : cases) {
        INFO(text);
        CHECK(Platform::parse(text).str() == expected);
        CHECK(Platform::parse(expected).str() == expected);
    }
    CHECK(Platform::parse("linux") == Platform::host());
}

TEST_CASE("a text that is no platform is refused") {
    for (const char* text : {"", "/", "linux/", "/amd64", "linux/amd64/v1/x", "linux amd64",
                             "linux/../x", "linux/amd64\n"}) {
        INFO(text);
        CHECK_THROWS_AS(Platform::parse(text), base::UsageError);
    }
}

TEST_CASE("an image fits its own platform and no other architecture or system") {
    CHECK(fitness("linux/amd64", {"linux", "amd64", ""}) > 0);
    CHECK(fitness("linux/amd64", {"linux", "arm64", ""}) == 0);
    CHECK(fitness("linux/amd64", {"windows", "amd64", ""}) == 0);
    CHECK(fitness("linux/amd64", {"linux", "386", ""}) == 0);
    CHECK(fitness("linux/amd64", {"unknown", "unknown", ""}) == 0);
    CHECK(fitness("linux/arm64", {"linux", "arm64", "v8"}) > 0);
    CHECK(fitness("linux/arm64", {"linux", "arm", "v7"}) == 0);
}

TEST_CASE("a lower level of the architecture runs, a higher one does not, the nearest is best") {
    const int v7 = fitness("linux/arm/v7", {"linux", "arm", "v7"});
    const int v6 = fitness("linux/arm/v7", {"linux", "arm", "v6"});
    const int v5 = fitness("linux/arm/v7", {"linux", "arm", "v5"});
    CHECK(v7 > v6);
    CHECK(v6 > v5);
    CHECK(v5 > 0);
    CHECK(fitness("linux/arm/v6", {"linux", "arm", "v7"}) == 0);
    CHECK(fitness("linux/arm/v6", {"linux", "arm", ""}) == 0);  // unsaid means v7

    CHECK(fitness("linux/amd64", {"linux", "amd64", "v2"}) == 0);
    CHECK(fitness("linux/amd64/v3", {"linux", "amd64", "v3"}) >
          fitness("linux/amd64/v3", {"linux", "amd64", "v2"}));
    CHECK(fitness("linux/amd64/v3", {"linux", "amd64", "v2"}) >
          fitness("linux/amd64/v3", {"linux", "amd64", ""}));
    CHECK(fitness("linux/amd64/v3", {"linux", "amd64", ""}) > 0);
    CHECK(fitness("linux/arm64", {"linux", "arm64", "v9"}) == 0);
}

TEST_CASE("an image that does not say its architecture is the last resort") {
    const int unsaid = fitness("linux/amd64", {"linux", "", ""});
    CHECK(unsaid > 0);
    CHECK(unsaid < fitness("linux/amd64/v3", {"linux", "amd64", ""}));
}
