#include "engine/supervisor/logout.hpp"

#include <catch2/catch.hpp>

namespace {

using namespace sandbox;
using engine::LogoutFacts;
using engine::try_logout_danger;

LogoutFacts in_session(std::vector<std::string> configs) {
    return {"0::/user.slice/user-1000.slice/session-3.scope\n", "ann", false, std::move(configs)};
}

}  // namespace

TEST_CASE("a session's processes go at logout when logind is told so") {
    CHECK_FALSE(try_logout_danger(in_session({})));
    CHECK_FALSE(try_logout_danger(in_session({"[Login]\n#KillUserProcesses=yes\n"})));
    CHECK(try_logout_danger(in_session({"[Login]\nKillUserProcesses=yes\n"})));
    CHECK_FALSE(
        try_logout_danger(in_session({"KillUserProcesses=yes\n", "KillUserProcesses=no\n"})));
    CHECK_FALSE(
        try_logout_danger(in_session({"KillUserProcesses=yes\nKillExcludeUsers=root ann\n"})));
    CHECK_FALSE(try_logout_danger(in_session({"KillUserProcesses=yes\nKillOnlyUsers=bob\n"})));
    CHECK(try_logout_danger(in_session({"KillUserProcesses=yes\nKillOnlyUsers=bob ann\n"})));
}

TEST_CASE("what belongs to the user's manager goes with it unless he lingers") {
    LogoutFacts facts{
        "0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope\n", "ann", false, {}};
    REQUIRE(try_logout_danger(facts));
    CHECK(try_logout_danger(facts)->find("enable-linger") != std::string::npos);
    facts.lingers = true;
    CHECK_FALSE(try_logout_danger(facts));
}

TEST_CASE("outside of a login nothing ends it") {
    CHECK_FALSE(try_logout_danger({"0::/system.slice/cron.service\n", "ann", false, {}}));
    CHECK_FALSE(try_logout_danger({"0::/\n", "ann", false, {}}));
}
