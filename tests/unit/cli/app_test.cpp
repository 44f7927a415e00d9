#include "cli/app.hpp"

#include <catch2/catch.hpp>

#include "cli/commands.hpp"

namespace sandbox::cli {
namespace {

Invocation parse(const Command& command, const std::vector<std::string>& words) {
    return parse_flags(command, words);
}

std::string usage_error(const Command& command, const std::vector<std::string>& words) {
    try {
        (void)parse_flags(command, words);
    } catch (const base::UsageError& error) {
        REQUIRE(error.code() == 2);
        REQUIRE(!error.hint().empty());
        return error.message() + " (" + error.hint() + ")";
    }
    return "no error";
}

using Words = std::vector<std::string>;

TEST_CASE("flags of run end at the image, and what follows is the payload's word for word") {
    const Invocation in =
        parse(kRunCommand, {"-q", "alpine", "sh", "-c", "echo --rm=", "--", "-q"});
    CHECK(in.toggle("quiet"));
    CHECK(in.arguments() == Words{"alpine", "sh", "-c", "echo --rm=", "--", "-q"});
    CHECK_FALSE(in.try_toggle("rm").has_value());
}

TEST_CASE("two dashes end the flags, and the next word is the image") {
    CHECK(parse(kRunCommand, {"-q", "--", "alpine", "-x"}).arguments() == Words{"alpine", "-x"});
    CHECK(parse(kRmiCommand, {"--", "-x"}).arguments() == Words{"-x"});
    CHECK(parse(kRmiCommand, {"a", "--", "--", "b"}).arguments() == Words{"a", "--", "b"});
}

TEST_CASE("short flags stand in clusters, the last one with its value attached or behind") {
    const Invocation in = parse(kRunCommand, {"-ite", "A=1", "-eB=2", "-e=C=3", "-w/tmp", "x"});
    CHECK(in.toggle("interactive"));
    CHECK(in.toggle("tty"));
    CHECK(in.list("env") == Words{"A=1", "B=2", "C=3"});
    CHECK(in.try_value("workdir") == "/tmp");
    CHECK(in.arguments() == Words{"x"});
}

TEST_CASE("values that look like flags, lists or nothing arrive as they are") {
    const Invocation in =
        parse(kRunCommand, {"-e", "--weird", "-e", "[a,b]", "--env=X=", "--env", "", "x"});
    CHECK(in.list("env") == Words{"--weird", "[a,b]", "X=", ""});
    CHECK(parse(kRunCommand, {"--entrypoint=", "x", "y"}).try_value("entrypoint") == "");
    CHECK(parse(kRunCommand, {"--entrypoint=", "x", "y"}).arguments() == Words{"x", "y"});
    CHECK(parse(kRunCommand, {"--entrypoint", "", "x"}).try_value("entrypoint") == "");
    CHECK(parse(kRunCommand, {"x", "--entrypoint="}).arguments() == Words{"x", "--entrypoint="});
    CHECK(parse(kImagesCommand, {"[ab]*"}).arguments() == Words{"[ab]*"});
    CHECK(parse(kImagesCommand, {"[ab]"}).arguments() == Words{"[ab]"});
}

TEST_CASE("a toggle takes true and false in Go's words, and the last one counts") {
    CHECK(parse(kRunCommand, {"--rm=false", "x"}).try_toggle("rm") == false);
    CHECK(parse(kRunCommand, {"--rm=1", "x"}).try_toggle("rm") == true);
    CHECK(parse(kRunCommand, {"--rm", "--rm=F", "x"}).try_toggle("rm") == false);
    CHECK(parse(kRunCommand, {"-i=false", "x"}).try_toggle("interactive") == false);
    CHECK(parse(kRunCommand, {"--init=false", "x"}).toggle("init", true) == false);
    CHECK_THROWS_AS((void)parse(kRunCommand, {"--rm=maybe", "x"}).toggle("rm"), base::UsageError);
}

TEST_CASE("the last of several single values counts") {
    CHECK(parse(kRunCommand, {"-w", "/a", "--workdir=/b", "x"}).try_value("workdir") == "/b");
}

TEST_CASE("a flag by its second long name is the same flag") {
    CHECK(parse(kRunCommand, {"--net", "host", "x"}).list("network") ==
          std::vector<std::string>{"host"});
}

TEST_CASE("an unknown flag is named, with the nearest known one") {
    CHECK(usage_error(kRunCommand, {"--intercative", "x"}) ==
          "unknown flag: --intercative (did you mean --interactive?)");
    CHECK(usage_error(kRunCommand, {"--zzz=1", "x"}) ==
          "unknown flag: --zzz (see `sandbox run --help`)");
    CHECK(usage_error(kRunCommand, {"-q", "-Z", "x"}) ==
          "unknown shorthand flag: 'Z' in -Z (see `sandbox run --help`)");
    CHECK(usage_error(kRmiCommand, {"x", "--frce"}) ==
          "unknown flag: --frce (did you mean --force?)");
}

TEST_CASE("a flag without its value and a missing or surplus argument are wrong usage") {
    CHECK(usage_error(kRunCommand, {"--env"}) ==
          "flag needs an argument: --env (see `sandbox run --help`)");
    CHECK(usage_error(kRunCommand, {"-ie"}) ==
          "flag needs an argument: -ie (see `sandbox run --help`)");
    CHECK(usage_error(kRunCommand, {}) ==
          "\"sandbox run\" requires at least 1 argument "
          "(usage: sandbox run [flags] IMAGE [COMMAND [ARG...]])");
    CHECK(usage_error(kHistoryCommand, {}) ==
          "\"sandbox history\" requires exactly 1 argument (usage: sandbox history [flags] IMAGE)");
    CHECK(usage_error(kVersionCommand, {"x"}) ==
          "\"sandbox version\" accepts no arguments (usage: sandbox version [flags])");
    CHECK(usage_error(kVolumeCreateCommand, {"a", "b"}) ==
          "\"sandbox volume create\" accepts at most 1 argument "
          "(usage: sandbox volume create [flags] [NAME])");
}

TEST_CASE("docker's flags that cannot be honoured are refused with their reason and 125") {
    for (const Words& words : {Words{"--gpus", "all", "x"}, Words{"--kernel-memory=1g", "x"},
                               Words{"--link", "a:b", "x"}}) {
        try {
            (void)parse_flags(kRunCommand, words);
            FAIL("not refused: " << words[0]);
        } catch (const base::UsageError& error) {
            CHECK(error.code() == 125);
            CHECK(error.message().find("is not available: ") != std::string::npos);
        }
    }
}

TEST_CASE("help is asked for by --help, and by -h where that is no other flag") {
    CHECK_THROWS_AS(parse(kRunCommand, {"--help"}), HelpWanted);
    CHECK_THROWS_AS(parse(kImagesCommand, {"-h"}), HelpWanted);
    CHECK_THROWS_AS(parse(kRmiCommand, {"x", "--help"}), HelpWanted);
    CHECK(parse(kRunCommand, {"-h", "box", "x"}).try_value("hostname") == "box");
    CHECK(parse(kRunCommand, {"x", "--help"}).arguments() == Words{"x", "--help"});
}

}  // namespace
}  // namespace sandbox::cli
