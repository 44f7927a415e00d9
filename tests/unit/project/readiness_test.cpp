#include "project/readiness.hpp"

#include <catch2/catch.hpp>

namespace sandbox::project {
namespace {

using Kind = Verdict::Kind;
using Status = store::ContainerState::Status;

Observation seen(Status status) {
    Observation observation;
    observation.state.status = status;
    return observation;
}

TEST_CASE("a service without ports and without a check is ready when it runs") {
    CHECK(judge(Condition::ready, seen(Status::running), false).kind == Kind::good);
    CHECK(judge(Condition::ready, seen(Status::created), false).kind == Kind::not_yet);
}

TEST_CASE("a service with declared ports is ready when it listens on one of them") {
    Observation observation = seen(Status::running);
    observation.declared = {"3306/tcp", "33060/tcp"};
    observation.listening_known = true;
    const Verdict verdict = judge(Condition::ready, observation, false);
    CHECK(verdict.kind == Kind::not_yet);
    CHECK(verdict.why == "3306/tcp, 33060/tcp not listening yet");
    CHECK(judge(Condition::ready, observation, true).kind == Kind::never);
    CHECK(judge(Condition::started, observation, false).kind == Kind::good);
    observation.listening = {"33060/tcp"};
    CHECK(judge(Condition::ready, observation, false).kind == Kind::good);
}

TEST_CASE("a check decides where there is one, whatever is listened on") {
    Observation observation = seen(Status::running);
    observation.has_check = true;
    observation.declared = {"80/tcp"};
    observation.listening = {"80/tcp"};
    observation.listening_known = true;
    observation.state.health = "starting";
    observation.state.failing_streak = 2;
    CHECK(judge(Condition::ready, observation, false).why ==
          "its check has not said yes yet (2 tries)");
    observation.state.health = "healthy";
    CHECK(judge(Condition::ready, observation, false).kind == Kind::good);
    observation.state.health = "unhealthy";
    CHECK(judge(Condition::healthy, observation, false).kind == Kind::never);
}

TEST_CASE("the image's ports count for the image's program, not for a worker beside it") {
    oci::ImageConfig image;
    image.exposed_ports = {"6379/tcp"};
    image.cmd = {"redis-server"};
    Service service;
    const auto ports = [&](std::optional<std::string> entrypoint,
                           std::vector<std::string> command) {
        service.request.entrypoint = std::move(entrypoint);
        service.request.command = std::move(command);
        return ports_of_image(service, image).size();
    };
    CHECK(ports(std::nullopt, {}) == 1);
    CHECK(ports(std::nullopt, {"--appendonly", "yes"}) == 1);
    CHECK(ports(std::nullopt, {"redis-server", "--appendonly", "yes"}) == 1);
    CHECK(ports(std::nullopt, {"redis-cli", "blpop", "jobs", "0"}) == 0);
    CHECK(ports("sh", {"-c", "redis-cli blpop jobs 0"}) == 0);
    CHECK(ports("", {"redis-server"}) == 0);
    image.cmd.reset();
    CHECK(ports(std::nullopt, {"redis-server"}) == 0);
}

TEST_CASE("to wait for health without a check would be for ever") {
    CHECK(judge(Condition::healthy, seen(Status::running), false).kind == Kind::never);
}

TEST_CASE("what has ended is never ready, but may be completed") {
    Observation observation = seen(Status::exited);
    observation.state.exit_code = 3;
    const Verdict verdict = judge(Condition::ready, observation, false);
    CHECK(verdict.kind == Kind::never);
    CHECK(verdict.why == "it has ended with 3");
    CHECK(judge(Condition::completed, observation, false).kind == Kind::never);
    observation.state.exit_code = 0;
    CHECK(judge(Condition::completed, observation, false).kind == Kind::good);
    CHECK(judge(Condition::started, observation, false).kind == Kind::never);
    CHECK(judge(Condition::completed, seen(Status::running), false).kind == Kind::not_yet);
}

TEST_CASE("what is expected of a service is what others wait for, and else what up wants") {
    Service db, web;
    db.name = "db";
    web.depends_on = {{"db"}};
    const auto of = [&](std::vector<const Service*> others) {
        return expectation_of(db, others, Condition::ready, false);
    };
    using Set = std::set<Condition>;
    CHECK(of({&web}).conditions == Set{Condition::ready});
    CHECK(of({&web}).is_needed);
    CHECK_FALSE(of({&web}).may_end);
    web.depends_on[0].condition = Condition::started;
    CHECK(of({&web}).conditions == Set{Condition::ready});
    CHECK_FALSE(of({&web}).is_needed);
    CHECK(of({&web}).may_end);
    CHECK(expectation_of(db, {&web}, std::nullopt, false).conditions.empty());
    CHECK(expectation_of(db, {}, Condition::ready, true).is_needed);
    web.depends_on[0].condition = Condition::completed;
    CHECK(of({&web}).conditions == Set{Condition::completed});
    CHECK(of({&web}).may_end);
    db.ready.emplace();
    CHECK(of({}).is_needed);
    db.is_task = true;
    CHECK(expectation_of(db, {}, std::nullopt, false).conditions == Set{Condition::completed});
}

TEST_CASE("who borrows a network or volumes needs their owner's start") {
    Service web;
    CHECK_FALSE(condition_for(web, "db"));
    web.request.network = "service:db";
    web.request.volumes_from = {"files:ro"};
    CHECK(condition_for(web, "db") == Condition::started);
    CHECK(condition_for(web, "files") == Condition::started);
    web.depends_on = {{"db", Condition::healthy}};
    CHECK(condition_for(web, "db") == Condition::healthy);
}

TEST_CASE("the ports that a service says it listens on") {
    using Texts = std::vector<std::string>;
    Service service;
    CHECK(declared_ports(service, {"80/tcp"}) == Texts{"80/tcp"});
    service.request.publish = {"8080:81", "127.0.0.1:53:53/udp", "[::1]:90:91",
                               "5000-5002:6000-6002", "7"};
    service.request.expose = {"9/tcp"};
    CHECK(declared_ports(service, {"80/tcp"}) == Texts{"81/tcp", "53/udp", "91/tcp", "6000/tcp",
                                                       "6001/tcp", "6002/tcp", "7/tcp", "9/tcp"});
    service.ready.emplace();
    service.ready->port = 99;
    CHECK(declared_ports(service, {"80/tcp"}) == Texts{"99/tcp"});
}

}  // namespace
}  // namespace sandbox::project
