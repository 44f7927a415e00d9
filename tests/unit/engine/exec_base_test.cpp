#include "engine/exec/exec_base.hpp"

#include <catch2/catch.hpp>

#include "engine/exec/process_stat.hpp"
#include "engine/health/health_flags.hpp"

using namespace sandbox;

TEST_CASE("what a joining program starts from survives the way to it") {
    engine::ContainerSpec spec;
    spec.env = {"PATH=/bin", "HOME=/root", "A=b=c"};
    spec.home_is_users = true;
    spec.working_dir = "/work";
    spec.user.uid = {7};
    spec.user.gid = {8};
    spec.user.groups = {{8}, {9}};
    spec.user.home = "/root";
    spec.group_add = {"video"};
    spec.capabilities = ~std::uint64_t{0} >> 1;
    spec.no_new_privileges = true;
    spec.rlimits = {{RLIMIT_CORE, {0, RLIM_INFINITY}}};
    spec.pids_limit = 33;
    spec.ids.mode = kernel::IdMode::range;
    spec.ids.set_groups = true;
    spec.ids.uids = {{{0}, {1000}, 1}, {{1}, {100000}, 65536}};
    spec.ids.gids = spec.ids.uids;
    const engine::ExecSpec base =
        engine::exec_base_from_json(base::json::parse(base::json::dump(exec_base_to_json(spec))));
    CHECK(base.env == std::vector<std::string>{"PATH=/bin", "A=b=c"});
    CHECK(base.set_home);
    CHECK(base.working_dir == "/work");
    REQUIRE(base.user);
    CHECK(base.user->uid.value == 7);
    CHECK(base.user->groups == spec.user.groups);
    CHECK(base.user->home == "/root");
    CHECK(base.group_add == spec.group_add);
    CHECK(base.capabilities == spec.capabilities);
    CHECK(base.no_new_privileges);
    REQUIRE(base.rlimits.size() == 2);
    CHECK(base.rlimits[0].second.rlim_max == RLIM_INFINITY);
    CHECK(base.rlimits[1].first == RLIMIT_NPROC);
    CHECK(base.rlimits[1].second.rlim_cur == 33);
    CHECK(base.ids.uids == spec.ids.uids);
    CHECK(base.ids.set_groups);
}

TEST_CASE("HOME that somebody set is a variable like others") {
    engine::ContainerSpec spec;
    spec.env = {"HOME=/srv"};
    const engine::ExecSpec base = engine::exec_base_from_json(exec_base_to_json(spec));
    CHECK(base.env == spec.env);
    CHECK_FALSE(base.set_home);
}

TEST_CASE("a process's line of /proc is read whatever its name is") {
    const auto stat = engine::try_parse_stat(
        "42 (a) R ) b) S 7 1 1 34819 1 0 0 0 0 0 150 50 0 0 20 0 1 0 123456 0 0");
    REQUIRE(stat);
    CHECK(stat->name == "a) R ) b");
    CHECK(stat->parent == 7);
    CHECK(stat->cpu_ticks == 200);
    CHECK(stat->start_ticks == 123456);
    CHECK(engine::terminal_name(stat->terminal) == "pts/3");
    CHECK(engine::terminal_name(0) == "?");
    CHECK_FALSE(engine::try_parse_stat("42 (cut"));
    CHECK_FALSE(engine::try_parse_stat(""));
    CHECK(engine::format_cpu_time(3723) == "01:02:03");
}

TEST_CASE("of ps's lines only the container's stay, with the command in one piece") {
    const auto table = engine::filter_ps("  PID COMMAND\n    1 init\n   42 sleep 1 2\n", {"42"});
    CHECK(table.titles == std::vector<std::string>{"PID", "COMMAND"});
    REQUIRE(table.rows.size() == 1);
    CHECK(table.rows[0] == std::vector<std::string>{"42", "sleep 1 2"});
    CHECK_THROWS_AS(engine::filter_ps("COMMAND\nx\n", {}), base::Error);
}

TEST_CASE("health flags stand over the image's values") {
    using namespace std::chrono_literals;
    oci::ImageConfig config;
    engine::RunRequest request;
    CHECK_FALSE(engine::make_health(request, config));
    config.healthcheck = oci::Healthcheck{{"CMD", "probe", "-x"}, 7s, 0s, 3s, 0};
    auto health = engine::make_health(request, config);
    REQUIRE(health);
    CHECK(health->argv == std::vector<std::string>{"probe", "-x"});
    CHECK(health->interval == 7s);
    CHECK(health->timeout == 30s);
    CHECK(health->start_period == 3s);
    CHECK(health->retries == 3);
    request.health_interval = "1m";
    request.health_retries = "9";
    request.health_cmd = "exit 1";
    health = engine::make_health(request, config);
    REQUIRE(health);
    CHECK(health->interval == 60s);
    CHECK(health->retries == 9);
    request.health_interval = "0";
    request.health_retries = "0";
    health = engine::make_health(request, config);
    REQUIRE(health);
    CHECK(health->interval == 7s);
    CHECK(health->retries == 3);
    CHECK(health->argv == std::vector<std::string>{"/bin/sh", "-c", "exit 1"});
    CHECK(health->test == std::vector<std::string>{"CMD-SHELL", "exit 1"});
    request.health_cmd = "none";
    CHECK_FALSE(engine::make_health(request, config));
    config.healthcheck->test = {"NONE"};
    request.health_cmd.reset();
    CHECK_FALSE(engine::make_health(request, config));
    for (const char* bad : {"x", "10", "-1s", "1us"}) {
        engine::RunRequest wrong;
        wrong.health_interval = bad;
        CHECK_THROWS_AS(engine::check_health_flags(wrong), base::UsageError);
    }
    engine::RunRequest both;
    both.no_healthcheck = true;
    CHECK_NOTHROW(engine::check_health_flags(both));
    both.health_cmd = "true";
    CHECK_THROWS_AS(engine::check_health_flags(both), base::UsageError);
}
