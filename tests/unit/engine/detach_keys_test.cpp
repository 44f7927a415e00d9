#include "engine/attach/detach_keys.hpp"

#include <catch2/catch.hpp>

#include "engine/attach/frames.hpp"
#include "sandbox/base/error.hpp"

using namespace sandbox;
using engine::DetachScanner;
using engine::parse_detach_keys;

TEST_CASE("detach keys are characters and control keys") {
    CHECK(parse_detach_keys("ctrl-p,ctrl-q") == "\x10\x11");
    CHECK(parse_detach_keys("a,ctrl-]") == "a\x1d");
    CHECK(parse_detach_keys("ctrl-@") == std::string(1, '\0'));
    CHECK(parse_detach_keys("").empty());
    for (const char* bad : {"ctrl-", "ctrl-pp", "ctrl-P", "abc", "a,,b", "ctrl-1"}) {
        CHECK_THROWS_AS(parse_detach_keys(bad), base::UsageError);
    }
}

TEST_CASE("the keys are found over the bounds of reads, and nothing of them is passed on") {
    DetachScanner scanner("\x10\x11");
    CHECK(scanner.feed("ls\r\x10") == "ls\r");
    CHECK_FALSE(scanner.detached());
    CHECK(scanner
              .feed("\x11"
                    "rest")
              .empty());
    CHECK(scanner.detached());
}

TEST_CASE("keys that were begun and not finished are passed on after all") {
    DetachScanner scanner("\x10\x11");
    CHECK(scanner.feed("\x10") == "");
    CHECK(scanner.feed("x") == "\x10x");
    CHECK(scanner.feed("\x10\x10").size() == 1);
    CHECK(scanner.feed("\x11") == "");
    CHECK(scanner.detached());
    DetachScanner twice("aab");
    CHECK(twice.feed("aaab") == "a");
    CHECK(twice.detached());
    DetachScanner none("");
    CHECK(none.feed("\x10\x11") == "\x10\x11");
}

TEST_CASE("frames come in pieces of any size") {
    const std::string bytes =
        std::string("\1\0\0\0\0\0\0\3out", 11) + std::string("\2\0\0\0\0\0\0\3err", 11);
    for (size_t size = 1; size <= bytes.size(); ++size) {
        engine::FrameReader reader;
        std::string out;
        std::string err;
        for (size_t at = 0; at < bytes.size(); at += size) {
            reader.feed(
                std::string_view(bytes).substr(at, size),
                [&](int stream, std::string_view text) { (stream == 1 ? out : err).append(text); });
        }
        CHECK(out == "out");
        CHECK(err == "err");
    }
    engine::FrameReader reader;
    CHECK_THROWS_AS(reader.feed(std::string("\3\0\0\0\0\0\0\1x", 9), [](int, std::string_view) {}),
                    base::IntegrityError);
}
