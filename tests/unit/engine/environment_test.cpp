#include "engine/environment.hpp"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "sandbox/base/error.hpp"
#include "support/usage_message.hpp"

using namespace sandbox::engine;
using Catch::Contains;
using sandbox::base::UsageError;

namespace {

std::optional<std::string> fake_host(const std::string& name) {
    if (name == "FROM_HOST") return "here";
    if (name == "EMPTY") return "";
    return std::nullopt;
}

std::vector<std::string> lines_of(std::string_view text) {
    std::vector<std::string> lines;
    for (const EnvAssignment& entry : parse_env_file(text, "x.env", fake_host)) {
        lines.push_back(entry.name + "=" + entry.value);
    }
    return lines;
}

std::string message_of(std::string_view text) {
    return sandbox::test::message_of([&] { (void)lines_of(text); });
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("an env file has assignments, comments, blank lines and names of the caller") {
    CHECK(lines_of("A=1\n\n# comment\n  B=two words \nC=\nFROM_HOST\nD=a=b#c\n") ==
          Lines{"A=1", "B=two words ", "C=", "FROM_HOST=here", "D=a=b#c"});
    CHECK(lines_of("\xEF\xBB\xBF"
                   "A=1") == Lines{"A=1"});
    CHECK(lines_of("EMPTY\n") == Lines{"EMPTY="});
    CHECK(lines_of("A=\"quotes stay\"\n") == Lines{"A=\"quotes stay\""});
    CHECK(lines_of("").empty());
}

TEST_CASE("a broken env file is an error with file and line") {
    CHECK_THAT(message_of("A=1\r\n"), Contains("x.env:1: ") && Contains("carriage return"));
    CHECK_THAT(message_of(std::string_view("A=1\nB=\0x\n", 9)), Contains("x.env:2: a NUL byte"));
    CHECK_THAT(message_of("A=1\n\nNOT_SET\n"), Contains("x.env:3: ") && Contains("no \"=\""));
    CHECK_THAT(message_of("A B=1\n"), Contains("x.env:1: ") && Contains("whitespace"));
    CHECK_THAT(message_of("=1\n"), Contains("x.env:1: no variable name"));
    CHECK_THAT(message_of("A=" + std::string(1u << 20, 'x')),
               Contains("x.env:1: ") && Contains("bytes"));
}

TEST_CASE("-e NAME passes the caller's value, and nothing when he has none") {
    CHECK(parse_env_flag("A=b=c", fake_host)->value == "b=c");
    CHECK(parse_env_flag("FROM_HOST", fake_host)->value == "here");
    CHECK_FALSE(parse_env_flag("NOT_SET", fake_host));
    CHECK_THROWS_AS(parse_env_flag("=x", fake_host), UsageError);
    CHECK_THROWS_AS(parse_env_flag("A=" + std::string(131072, 'x'), fake_host), UsageError);
}

TEST_CASE("setting a variable again keeps its place") {
    Environment env;
    env.set("A", "1");
    env.set("B", "2");
    env.set("A", "3");
    env.set_default("B", "4");
    env.set_default("C", "5");
    CHECK(env.list() == Lines{"A=3", "B=2", "C=5"});
    env.unset("B");
    CHECK(env.list() == Lines{"A=3", "C=5"});
}

TEST_CASE("a label file has labels and comments, and errors with file and line") {
    char path[] = "/tmp/sandbox-labels.XXXXXX";
    const int fd = ::mkstemp(path);
    REQUIRE(fd >= 0);
    const std::string text =
        "# c\n\nfile=1\n  both=a label that is long enough to be on the heap\n";
    REQUIRE(::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    CHECK(load_label_file(path) ==
          Lines{"file=1", "both=a label that is long enough to be on the heap"});
    REQUIRE(::write(fd, "=x\n", 3) == 3);
    CHECK_THROWS_AS(load_label_file(path), UsageError);
    (void)::close(fd);
    (void)::unlink(path);
    CHECK_THROWS_AS(load_label_file(path), sandbox::base::Error);
}
