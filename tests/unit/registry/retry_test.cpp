#include <catch2/catch.hpp>

#include "registry/retry.hpp"

using namespace sandbox::registry;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("retry-after is seconds or a date, anything else is absent") {
    CHECK(try_parse_retry_after("2", 0) == seconds(2));
    CHECK(try_parse_retry_after(" 86400 ", 0) == seconds(86400));
    CHECK(try_parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111770) == seconds(7));
    CHECK_FALSE(try_parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777));
    CHECK_FALSE(try_parse_retry_after("Thu, 01 Jan 1970 00:00:00 GMT", 1'700'000'000));
    CHECK_FALSE(try_parse_retry_after("-5", 0));
    CHECK_FALSE(try_parse_retry_after("soon", 0));
    CHECK_FALSE(try_parse_retry_after("", 0));
    CHECK(try_parse_retry_after("18446744073709551615", 0) > seconds(86400));
    CHECK_FALSE(try_parse_retry_after("99999999999999999999999999", 0));
}

TEST_CASE("http dates are read by the calendar") {
    CHECK(try_parse_http_date("Thu, 01 Jan 1970 00:00:00 GMT") == 0);
    CHECK(try_parse_http_date("Tue, 29 Feb 2000 12:00:00 GMT") == 951825600);
    CHECK_FALSE(try_parse_http_date("Sun, 06 Foo 1994 08:49:37 GMT"));
    CHECK_FALSE(try_parse_http_date("Sun, 06 Nov 1994 25:49:37 GMT"));
    CHECK_FALSE(try_parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"));
}

TEST_CASE("content-range must be whole and in order") {
    const auto range = try_parse_content_range("bytes 10-19/20");
    REQUIRE(range);
    CHECK(range->first == 10);
    CHECK(range->last == 19);
    CHECK(range->total == 20u);
    CHECK_FALSE(try_parse_content_range("bytes 10-19/*")->total);
    for (const char* text :
         {"", "bytes", "bytes 10-9/20", "bytes 10-20/20", "bytes -5/20", "bytes 5-/20",
          "bytes */20", "octets 1-2/3", "bytes 1-2", "bytes 1/2-3", "bytes 1-2/x",
          "bytes 18446744073709551616-18446744073709551617/*"}) {
        INFO(text);
        CHECK_FALSE(try_parse_content_range(text));
    }
}

TEST_CASE("waits double, obey the server and stay below the cap") {
    RetryPolicy policy;
    CHECK(policy.delay(1, std::nullopt) == milliseconds(1000));
    CHECK(policy.delay(2, std::nullopt) == milliseconds(2000));
    CHECK(policy.delay(4, std::nullopt) == milliseconds(8000));
    CHECK(policy.delay(50, std::nullopt) == seconds(60));
    CHECK(policy.delay(1, seconds(7)) == seconds(7));
    CHECK(policy.delay(4, seconds(2)) == seconds(8));
    CHECK(policy.delay(1, seconds(86400)) == seconds(60));
}

TEST_CASE("only passing troubles are retried") {
    for (const int status : {408, 429, 500, 502, 503, 504}) CHECK(is_retryable_status(status));
    for (const int status : {200, 301, 400, 401, 403, 404, 416, 501, 505}) {
        CHECK_FALSE(is_retryable_status(status));
    }
}
