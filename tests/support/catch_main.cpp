// The main of every unit and integration binary. Catch2 v2 knows no skip, so it is added here:
// a binary with no failure and at least one skip exits 77.

#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "support/skip.hpp"

namespace sandbox::test {
namespace {
int skipped_tests = 0;
}

void note_skip(std::string_view reason) {
    // sbx-plain has no subuid range by design. What it cannot run is no skip: the same binary runs
    // as sbx-range too, where a skip counts.
    const char* user = std::getenv("SANDBOX_TEST_USER");
    if (user != nullptr && std::string_view(user) == "plain") {
        std::cerr << "not for this user: " << Catch::getResultCapture().getCurrentTestName() << ": "
                  << reason << '\n';
        return;
    }
    const char* must_run = std::getenv("SANDBOX_TESTS_MUST_RUN");
    if (must_run != nullptr && std::string_view(must_run) == "1") {
        FAIL("skip is forbidden by SANDBOX_TESTS_MUST_RUN=1: " << reason);
    }
    ++skipped_tests;
    const std::string test = Catch::getResultCapture().getCurrentTestName();
    std::cerr << "skipped: " << test << ": " << reason << '\n';
}
}  // namespace sandbox::test

int main(int argc, char** argv) {
    const int failures = Catch::Session().run(argc, argv);
    if (failures != 0) {
        return failures == 77 ? 1 : failures;
    }
    return sandbox::test::skipped_tests > 0 ? 77 : 0;
}
