// Skips for tests that need what a machine may refuse (user namespaces, a subuid range).

#pragma once

#include <string_view>

namespace sandbox::test {

// Counts the running test as skipped, or fails it when SANDBOX_TESTS_MUST_RUN=1.
void note_skip(std::string_view reason);

}  // namespace sandbox::test

#define SANDBOX_SKIP_UNLESS(condition, reason)    \
    do {                                          \
        if (!(condition)) {                       \
            ::sandbox::test::note_skip((reason)); \
            return;                               \
        }                                         \
    } while (false)
