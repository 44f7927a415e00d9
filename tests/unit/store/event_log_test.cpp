#include "sandbox/store/event_log.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/fs.hpp"
#include "temp_store.hpp"

namespace {

using namespace sandbox;
using store::Event;
using store::EventReader;

std::vector<std::string> drain(EventReader& reader) {
    std::vector<std::string> names;
    while (const auto event = reader.try_next()) {
        names.push_back((*event)["Type"].as_string()->substr(0, 1) + ":" +
                        event->string_or("Action"));
    }
    return names;
}

}  // namespace

TEST_CASE("an event has docker's names") {
    const test::TempStore temp;
    const base::json::Value record =
        base::json::Object{{"id", "abc"},
                           {"name", "web"},
                           {"image", "nginx"},
                           {"labels", base::json::Object{{"tier", "front"}}}};
    Event event = store::container_event("die", record);
    event.attributes["exitCode"] = "3";
    event.time = {1'795'533'102, 5};
    store::append_event(temp.store(), event);
    CHECK(base::read_file_at(temp.store().root_fd(), "events/log", 10'000) ==
          R"({"status":"die","id":"abc","from":"nginx","Type":"container","Action":"die",)"
          R"("Actor":{"ID":"abc","Attributes":{"exitCode":"3","image":"nginx","name":"web",)"
          R"("tier":"front"}},"scope":"local","time":1795533102,)"
          R"("timeNano":1795533102000000005})"
          "\n");
}

TEST_CASE("events are read from the beginning or from now on, and followed") {
    const test::TempStore temp;
    EventReader early(temp.store(), false);
    CHECK(drain(early).empty());
    store::append_event(temp.store(), {.type = "volume", .action = "create", .id = "v"});
    EventReader late(temp.store(), true);
    CHECK(drain(early) == std::vector<std::string>{"v:create"});
    CHECK(drain(late).empty());
    store::append_event(temp.store(), {.type = "image", .action = "pull", .id = "i"});
    CHECK(late.wait(1000, -1));
    CHECK(drain(early) == std::vector<std::string>{"i:pull"});
    CHECK(drain(late) == std::vector<std::string>{"i:pull"});
}

TEST_CASE("the diary is bounded, and readers go on over its rotation") {
    const test::TempStore temp;
    EventReader reader(temp.store(), false);
    Event event{.type = "container", .action = "start", .id = "c"};
    event.attributes["padding"] = std::string(20'000, 'p');
    size_t seen = 0;
    for (int i = 0; i < 1000; ++i) {
        store::append_event(temp.store(), event);
        if (i % 50 == 0) seen += drain(reader).size();
    }
    seen += drain(reader).size();
    CHECK(seen == 1000);
    CHECK(base::measure_tree_at(temp.store().root_fd(), "events").apparent_bytes < 9u << 20);
    event.attributes["padding"] = std::string(200'000, 'p');
    store::append_event(temp.store(), event);
    CHECK(drain(reader).size() == 1);
}
