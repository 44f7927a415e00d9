#include "sandbox/base/error.hpp"

#include <catch2/catch.hpp>
#include <cerrno>

using namespace sandbox::base;

TEST_CASE("a system error says what was tried, on what, and why in lower case") {
    const SysError error(ENOENT, "open layer", "\"abc\"", "pull it again");
    CHECK(error.message() == "open layer \"abc\": no such file or directory");
    CHECK(error.hint() == "pull it again");
    CHECK(error.errnum() == ENOENT);
    CHECK(error.code() == 0);
}

TEST_CASE("context goes in front of the message, outermost first") {
    try {
        with_context("service \"a\"", [] {
            return with_context("image \"b\"", []() -> int { throw Error("no space"); });
        });
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.message() == "service \"a\": image \"b\": no space");
    }
}

TEST_CASE("context keeps the type, the code and the value") {
    CHECK(with_context("x", [] { return 7; }) == 7);
    CHECK_THROWS_AS(with_context("x", []() -> int { throw UsageError("y"); }), UsageError);
    CHECK(UsageError("y").code() == exit_code::kUsage);
}

TEST_CASE("every errno has a name and a text, unknown ones included") {
    CHECK(errno_name(EPERM) == "EPERM");
    CHECK(errno_text(EPERM) == "operation not permitted");
    CHECK(errno_name(99999) == "E?");
    CHECK(errno_text(99999) == "unknown error 99999");
    CHECK(errno_text(ERFKILL).substr(0, 1) == "o");
}
