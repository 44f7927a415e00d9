#include "sandbox/store/container_state.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/store/container_store.hpp"
#include "temp_store.hpp"

namespace {

using namespace sandbox;
using store::ContainerState;
using Status = ContainerState::Status;

struct Container {
    test::TempStore temp;
    store::OwnedContainer owned =
        store::ContainerStore(temp.store()).create("web", base::json::Object{}, false);
    [[nodiscard]] int dir() const { return owned.dir.get(); }
};

ContainerState full_state() {
    ContainerState state;
    state.status = Status::running;
    state.pid = 4711;
    state.started_ns = 1'700'000'000'123'456'789;
    state.finished_ns = 1'600'000'000'000'000'001;
    state.exit_code = 3;
    state.oom_killed = true;
    state.error = "why\nnot";
    state.restart_count = 7;
    state.stopped_by_user = true;
    state.health = "unhealthy";
    state.failing_streak = 2;
    for (int i = 0; i < 7; ++i) state.health_log.push_back({i, i + 1, i, std::string(5000, 'x')});
    return state;
}

}  // namespace

TEST_CASE("a container without a state is created") {
    const Container container;
    CHECK(store::load_state(container.dir(), true).status == Status::created);
    CHECK(store::load_state(container.dir(), false).status == Status::created);
}

TEST_CASE("a state is read as it was saved, with the last five probes, cut to 4 KiB") {
    const Container container;
    store::save_state(container.dir(), full_state());
    const ContainerState state = store::load_state(container.dir(), true);
    CHECK(state.status == Status::running);
    CHECK(state.pid == 4711);
    CHECK(state.started_ns == 1'700'000'000'123'456'789);
    CHECK(state.finished_ns == 1'600'000'000'000'000'001);
    CHECK(state.exit_code == 3);
    CHECK(state.oom_killed);
    CHECK(state.error == "why\nnot");
    CHECK(state.restart_count == 7);
    CHECK(state.stopped_by_user);
    CHECK(state.health == "unhealthy");
    CHECK(state.failing_streak == 2);
    REQUIRE(state.health_log.size() == 5);
    CHECK(state.health_log.front().exit_code == 2);
    CHECK(state.health_log.back().output.size() == 4096);
}

TEST_CASE("a summary of a state has what a listing shows, and no more") {
    const Container container;
    ContainerState full = full_state();
    full.network.ports = {{"80/tcp", "127.0.0.1", 8080}};
    full.network.networks.push_back({.name = "private", .ipv4 = "10.89.0.2"});
    store::save_state(container.dir(), full);
    const auto summary = store::load_state(container.dir(), true, store::StatePart::summary);
    CHECK(summary.status == Status::running);
    CHECK(summary.health == "unhealthy");
    CHECK(summary.network.ports == full.network.ports);
    CHECK(summary.network.networks.empty());
    CHECK(summary.health_log.empty());
    CHECK(store::load_state(container.dir(), true).network == full.network);
}

TEST_CASE("a state that a former version has written is read whole") {
    const Container container;
    base::write_file_atomic(
        container.dir(), "state.json",
        R"({"status":"running","pid":3,"network":{"ports":[{"port":"80/tcp",)"
        R"("host_address":"127.0.0.1","host_port":8080}],"networks":[{"name":"private"}]}})",
        0600, base::Durability::volatile_data);
    for (const auto part : {store::StatePart::whole, store::StatePart::summary}) {
        const ContainerState state = store::load_state(container.dir(), true, part);
        CHECK(state.pid == 3);
        REQUIRE(state.network.ports.size() == 1);
        CHECK(state.network.ports[0].host_port == 8080);
        CHECK(state.network.networks.size() == 1);
    }
}

TEST_CASE("whoever was active and has no supervisor any more was killed") {
    const Container container;
    for (const Status status : {Status::running, Status::paused, Status::restarting}) {
        ContainerState state = full_state();
        state.status = status;
        store::save_state(container.dir(), state);
        const ContainerState seen = store::load_state(container.dir(), false);
        CHECK(seen.status == Status::exited);
        CHECK(seen.exit_code == 137);
        CHECK(seen.pid == 0);
        CHECK(seen.error == "its supervisor was killed");
        CHECK(seen.finished_ns > 0);
    }
}

TEST_CASE("an ended container keeps its exit code without a supervisor") {
    const Container container;
    ContainerState state = full_state();
    state.status = Status::exited;
    store::save_state(container.dir(), state);
    CHECK(store::load_state(container.dir(), false).exit_code == 3);
}

TEST_CASE("a damaged state reads as ended and says so") {
    const Container container;
    for (const char* text : {"", "{", "[]", "{\"status\":\"flying\"}", "\xff\xfe"}) {
        base::write_file_atomic(container.dir(), "state.json", text, 0600,
                                base::Durability::volatile_data);
        const ContainerState state = store::load_state(container.dir(), false);
        CHECK(state.status == Status::exited);
        CHECK(state.error == "what was known of its state is damaged");
    }
}
