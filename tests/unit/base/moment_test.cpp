#include "sandbox/base/moment.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>

namespace {

using sandbox::base::Timestamp;
using sandbox::base::try_parse_moment;

constexpr Timestamp kNow{1'795'533'102, 500'000'000};  // 2026-11-24T15:11:42.5Z

std::string parse(std::string_view text) {
    const auto time = try_parse_moment(text, kNow);
    return time ? sandbox::base::format_rfc3339(time->seconds, time->nanoseconds) : "none";
}

}  // namespace

TEST_CASE("a moment is Unix time, a date, or a duration ago") {
    ::setenv("TZ", "UTC-2", 1);  // POSIX: two hours east
    ::tzset();
    CHECK(parse("1795533102") == "2026-11-24T15:11:42Z");
    CHECK(parse("1795533102.25") == "2026-11-24T15:11:42.25Z");
    CHECK(parse("2026-11-24T15:11:42.000000001Z") == "2026-11-24T15:11:42.000000001Z");
    CHECK(parse("2026-11-24T15:11:42+01:00") == "2026-11-24T14:11:42Z");
    CHECK(parse("2026-11-24T15:11Z") == "2026-11-24T15:11:00Z");
    CHECK(parse("2026-11-24Z") == "2026-11-24T00:00:00Z");
    CHECK(parse("2026-11-24T15:11:42") == "2026-11-24T13:11:42Z");
    CHECK(parse("2026-11-24T15:11:42.5") == "2026-11-24T13:11:42.5Z");
    CHECK(parse("2026-11-24T15") == "2026-11-24T13:00:00Z");
    CHECK(parse("2026-11-24") == "2026-11-23T22:00:00Z");
    CHECK(parse("10m") == "2026-11-24T15:01:42.5Z");
    CHECK(parse("1h30m") == "2026-11-24T13:41:42.5Z");
    CHECK(parse("600ms") == "2026-11-24T15:11:41.9Z");
    ::unsetenv("TZ");
    ::tzset();
}

TEST_CASE("what is no moment is refused") {
    for (const char* text : {"", "yesterday", "-5", "10", "10x", "2026-13-01", "2026-11-24T",
                             "2026-11-24T1", "1.", "1.0000000001", "2026-11-24T15:11:42Zx"}) {
        INFO(text);
        if (std::string_view(text) == "10") {
            CHECK(parse(text) == "1970-01-01T00:00:10Z");
        } else {
            CHECK(parse(text) == "none");
        }
    }
}
