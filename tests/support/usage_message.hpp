// What a test asks of a refusal: usage, exit code 125, one line.
#pragma once

#include <catch2/catch.hpp>
#include <string>

#include "sandbox/base/error.hpp"

namespace sandbox::test {

// "message | hint" of the UsageError that `action` throws; "no error" when it throws none.
template <typename F>
std::string message_of(F&& action) {
    try {
        action();
    } catch (const base::UsageError& error) {
        CHECK(error.code() == 125);
        CHECK(error.message().find('\n') == std::string::npos);
        return error.message() + " | " + error.hint();
    }
    return "no error";
}

}  // namespace sandbox::test
