#include "sandbox/base/strings.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace sandbox::base;

TEST_CASE("split keeps empty pieces and join is its inverse") {
    CHECK(split("a,,b,", ',') == std::vector<std::string>{"a", "", "b", ""});
    CHECK(split("", ',') == std::vector<std::string>{""});
    CHECK(join(split("a,,b,", ','), ",") == "a,,b,");
    CHECK(join({}, ",").empty());
}

TEST_CASE("split with a limit leaves the rest in the last piece") {
    CHECK(split("k=v=w", '=', 2) == std::vector<std::string>{"k", "v=w"});
    CHECK(split("k", '=', 2) == std::vector<std::string>{"k"});
    CHECK(split("a=b", '=', 1) == std::vector<std::string>{"a=b"});
}

TEST_CASE("trim takes blanks off both ends only") {
    CHECK(trim(" \t a b\r\n") == "a b");
    CHECK(trim(" \n ").empty());
}

TEST_CASE("case is changed for ASCII letters only") {
    CHECK(to_lower("AbZ-\xC3\x84") == "abz-\xC3\x84");
    CHECK(to_upper("aBz-\xC3\xA4") == "ABZ-\xC3\xA4");
}

TEST_CASE("control characters, C1 and invalid UTF-8 are shown as hex, the rest is kept") {
    CHECK(escape_control("a\x1b[31m\n") == "a\\x1b[31m\\x0a");
    CHECK(escape_control("\x7f\xC2\x9B") == "\\x7f\\xc2\\x9b");
    CHECK(escape_control("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80") ==
          "\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80");
    CHECK(escape_control("\xFF") == "\\xff");
    CHECK(escape_control("\xC0\xAF") == "\\xc0\\xaf");           // overlong
    CHECK(escape_control("\xED\xA0\x80") == "\\xed\\xa0\\x80");  // surrogate
    CHECK(escape_control("\xE2\x82") == "\\xe2\\x82");           // cut off
    CHECK(escape_control(std::string("\0", 1)) == "\\x00");
    CHECK(quote("say \"hi\"\n") == "\"say \\\"hi\\\"\\x0a\"");
}

TEST_CASE("numbers are whole texts without sign or blanks") {
    CHECK(try_parse_u64("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
    CHECK_FALSE(try_parse_u64("18446744073709551616"));
    for (const char* text : {"", "-1", "+1", " 1", "1 ", "0x10", "1.0"}) {
        CHECK_FALSE(try_parse_u64(text));
    }
    CHECK(try_parse_i64("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
    CHECK_FALSE(try_parse_i64("9223372036854775808"));
}

TEST_CASE("sizes are read as docker reads them, in powers of 1024") {
    CHECK(try_parse_size_bytes("512") == 512u);
    CHECK(try_parse_size_bytes("64m") == 64u << 20);
    CHECK(try_parse_size_bytes("1g") == 1u << 30);
    CHECK(try_parse_size_bytes("1.5GiB") == 1610612736u);
    CHECK(try_parse_size_bytes("32kb") == 32768u);
    CHECK(try_parse_size_bytes("32 KB") == 32768u);
    CHECK(try_parse_size_bytes("7b") == 7u);
    CHECK(try_parse_size_bytes("2T") == std::uint64_t{2} << 40);
    CHECK(try_parse_size_bytes("1p") == std::uint64_t{1} << 50);
    CHECK(try_parse_size_bytes(".5k") == 512u);
    for (const char* text : {"", "m", "-1", "-1m", "1x", "1mib2", "1kbb", "1bb", "1 2", "1e3",
                             "0x10", "inf", "nan", "9999999999g", "1..2", "."}) {
        INFO(text);
        CHECK_FALSE(try_parse_size_bytes(text));
    }
}

TEST_CASE("durations are read as Go reads them") {
    CHECK(try_parse_duration_ns("0") == 0);
    CHECK(try_parse_duration_ns("1m30s") == 90'000'000'000);
    CHECK(try_parse_duration_ns("500ms") == 500'000'000);
    CHECK(try_parse_duration_ns("1.5h") == 5'400'000'000'000);
    CHECK(try_parse_duration_ns("2us") == 2000);
    CHECK(try_parse_duration_ns("2\xC2\xB5s") == 2000);
    CHECK(try_parse_duration_ns("+1s") == 1'000'000'000);
    CHECK(try_parse_duration_ns(".5s") == 500'000'000);
    for (const char* text : {"", "1", "s", "-1s", "1d", "1s1", ".s", "1 s", "9999999999h", "+",
                             "9223372036854775807h"}) {
        INFO(text);
        CHECK_FALSE(try_parse_duration_ns(text));
    }
}

TEST_CASE("sizes are printed with three digits in powers of 1000") {
    CHECK(format_size(0) == "0B");
    CHECK(format_size(999) == "999B");
    CHECK(format_size(1000) == "1kB");
    CHECK(format_size(12'345'678) == "12.3MB");
    CHECK(format_size(123'456'789) == "123MB");
    CHECK(format_size(1'234'567'890) == "1.23GB");
    CHECK(format_size(999'900) == "1e+03kB");  // docker's own oddity
    CHECK(format_size(std::numeric_limits<std::uint64_t>::max()) == "18.4EB");
}

TEST_CASE("ages are printed in docker's words") {
    const std::vector<std::pair<std::int64_t, std::string>> cases{
        {-5, "Less than a second"}, {0, "Less than a second"},  {1, "1 second"},
        {59, "59 seconds"},         {60, "About a minute"},     {119, "About a minute"},
        {120, "2 minutes"},         {3599, "59 minutes"},       {3600, "About an hour"},
        {5399, "About an hour"},    {5400, "2 hours"},          {47 * 3600, "47 hours"},
        {48 * 3600, "2 days"},      {13 * 86400, "13 days"},    {14 * 86400, "2 weeks"},
        {59 * 86400, "8 weeks"},    {60 * 86400, "2 months"},   {729 * 86400, "24 months"},
        {730 * 86400, "2 years"},   {3650 * 86400, "10 years"},
    };
    for (const auto& [seconds, text] : cases) CHECK(format_age(seconds) == text);
}

TEST_CASE("points in time are printed and read as RFC 3339") {
    CHECK(format_rfc3339(0) == "1970-01-01T00:00:00Z");
    CHECK(format_rfc3339(1'795'518'123, 4) == "2026-11-24T11:02:03.000000004Z");
    CHECK(format_rfc3339(0, 500'000'000) == "1970-01-01T00:00:00.5Z");
    CHECK(format_rfc3339(-1) == "1969-12-31T23:59:59Z");
    CHECK(format_rfc3339(std::numeric_limits<std::int64_t>::max()) == "9999-12-31T23:59:59Z");
    CHECK(format_rfc3339(std::numeric_limits<std::int64_t>::min()) == "0000-01-01T00:00:00Z");

    const auto parsed = try_parse_rfc3339("2026-11-24T12:02:03.000000004+01:00");
    REQUIRE(parsed);
    CHECK(parsed->seconds == 1'795'518'123);
    CHECK(parsed->nanoseconds == 4);
    CHECK(try_parse_rfc3339("2000-02-29T00:00:00Z"));
    CHECK(try_parse_rfc3339("0001-01-01T00:00:00Z")->seconds == -62'135'596'800);
    for (const char* text :
         {"", "2026-11-24", "2026-11-24T11:02:03", "1900-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
          "2026-11-24T24:00:00Z", "2026-11-24T11:02:60Z", "2026-11-24T11:02:03.Z",
          "2026-11-24T11:02:03Zx", "2026-11-24T11:02:03+1:00"}) {
        INFO(text);
        CHECK_FALSE(try_parse_rfc3339(text));
    }
}

TEST_CASE("the current time is after this was written") {
    CHECK(now().seconds > 1'700'000'000);
    CHECK(now().nanoseconds < 1'000'000'000);
}

TEST_CASE("bytes are shown as lower-case hex and random ones differ") {
    CHECK(to_hex("\x00\xAB\xFF", 3) == "00abff");
    CHECK(random_hex(16).size() == 32);
    CHECK(random_hex(16) != random_hex(16));
    CHECK(random_hex(0).empty());
}

TEST_CASE("a typo finds its neighbour, another word does not") {
    const std::vector<std::string> modes{"bridge", "host", "none"};
    CHECK(try_nearest("brigde", modes) == std::string("bridge"));
    CHECK(try_nearest("hosts", modes) == std::string("host"));
    CHECK(try_nearest("rum", {"rm", "run", "rmi"}) == std::string("run"));
    CHECK(try_nearest("rn", {"rm", "run"}) == std::string("rm"));
    CHECK_FALSE(try_nearest("macvlan", modes));
    CHECK_FALSE(try_nearest("", modes));
    CHECK_FALSE(try_nearest("b", {"a"}));
    CHECK_FALSE(try_nearest(std::string(100'000, 'x'), modes));
}

TEST_CASE("base64 round trips and refuses what is not canonical") {
    CHECK(base64_encode("user:pass") == "dXNlcjpwYXNz");
    CHECK(base64_encode("a") == "YQ==");
    CHECK(base64_encode("ab") == "YWI=");
    for (const std::string text : {"", "a", "ab", "abc", "abcd", "\xFF\xFE\x00x"}) {
        CHECK(try_base64_decode(base64_encode(text)) == text);
    }
    for (const char* text :
         {"Y", "YQ", "YQ=", "YR==", "YQ==YQ==", "Y===", "====", "YW-=", "YQ==\n"}) {
        INFO(text);
        CHECK_FALSE(try_base64_decode(text));
    }
}

TEST_CASE("paths are cleaned by their letters alone") {
    CHECK(clean_path("/a/./b//../c/") == "/a/c");
    CHECK(clean_path("/../..") == "/");
    CHECK(clean_path("../a/../b") == "../b");
    CHECK(clean_path("./") == ".");
    CHECK(clean_path("") == ".");
}
