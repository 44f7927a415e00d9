#include "engine/restart_policy.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

namespace {

using namespace sandbox;
using namespace std::chrono_literals;
using engine::RestartPolicy;
using Kind = RestartPolicy::Kind;

}  // namespace

TEST_CASE("restart policies are docker's words") {
    CHECK(engine::parse_restart_policy("no").kind == Kind::no);
    CHECK(engine::parse_restart_policy("").kind == Kind::no);
    CHECK(engine::parse_restart_policy("always").kind == Kind::always);
    CHECK(engine::parse_restart_policy("unless-stopped").kind == Kind::unless_stopped);
    CHECK(engine::parse_restart_policy("on-failure") == RestartPolicy{Kind::on_failure, 0});
    CHECK(engine::parse_restart_policy("on-failure:3") == RestartPolicy{Kind::on_failure, 3});
    for (const char* text : {"allways", "always:3", "on-failure:", "on-failure:x", "on-failure:-1",
                             "on-failure:4294967296", "no:1"}) {
        CHECK_THROWS_AS(engine::parse_restart_policy(text), base::UsageError);
    }
    for (const char* text : {"no", "always", "unless-stopped", "on-failure", "on-failure:7"}) {
        CHECK(engine::format_restart_policy(engine::parse_restart_policy(text)) == text);
    }
}

TEST_CASE("a container that dies at once is started less than ten times in its first minute") {
    engine::RestartBackoff backoff;
    std::chrono::milliseconds passed{0};
    int starts = 0;
    for (;;) {
        passed += backoff.next(0ns);
        if (passed > 60s) break;
        ++starts;
    }
    CHECK(starts == 9);
    for (int i = 0; i < 20; ++i) (void)backoff.next(0ns);
    CHECK(backoff.next(0ns) == 60s);
}

TEST_CASE("a life of ten seconds makes the next start quick again") {
    engine::RestartBackoff backoff;
    CHECK(backoff.next(0ns) == 100ms);
    CHECK(backoff.next(9s) == 200ms);
    CHECK(backoff.next(10s) == 100ms);
    CHECK(backoff.next(0ns) == 200ms);
    backoff.reset();
    CHECK(backoff.next(0ns) == 100ms);
}

TEST_CASE("who was stopped by its user stays so, whatever the policy") {
    for (const Kind kind : {Kind::no, Kind::on_failure, Kind::always, Kind::unless_stopped}) {
        CHECK_FALSE(engine::wants_restart({kind, 0}, 1, true, 0));
    }
}

TEST_CASE("on-failure looks at the exit code and counts") {
    const RestartPolicy twice{Kind::on_failure, 2};
    CHECK_FALSE(engine::wants_restart(twice, 0, false, 0));
    CHECK(engine::wants_restart(twice, 1, false, 0));
    CHECK(engine::wants_restart(twice, 137, false, 1));
    CHECK_FALSE(engine::wants_restart(twice, 1, false, 2));
    CHECK(engine::wants_restart({Kind::on_failure, 0}, 1, false, 1000));
    CHECK(engine::wants_restart({Kind::always, 0}, 0, false, 1000));
    CHECK_FALSE(engine::wants_restart({Kind::no, 0}, 1, false, 0));
}
