#include "engine/container_record.hpp"

#include <catch2/catch.hpp>

using namespace sandbox::engine;
namespace json = sandbox::base::json;

TEST_CASE("mounts of a record come back for another container, tmpfs does not") {
    const json::Value record = json::parse(R"({"mounts": [
        {"type": "bind", "name": "", "source": "/a", "destination": "/x", "read_only": true,
         "exec": false, "nosuid": true, "recursive": false},
        {"type": "volume", "name": "v", "source": "/s/v", "destination": "/y", "read_only": false},
        {"type": "tmpfs", "destination": "/t"}, 5, "x"]})");
    const auto mounts = record_mounts(record);
    REQUIRE(mounts.size() == 2);
    CHECK(mounts[0].spec.kind == MountSpec::Kind::bind);
    CHECK(mounts[0].spec.read_only);
    CHECK_FALSE(mounts[0].spec.exec);
    CHECK_FALSE(mounts[0].spec.recursive);
    CHECK_FALSE(mounts[0].spec.create_source);
    CHECK(mounts[1].spec.volume_name == "v");
    CHECK_FALSE(mounts[1].spec.seed);
}

TEST_CASE("a damaged record has no mounts and is never taken for garbage") {
    CHECK(record_mounts({}).empty());
    CHECK(record_keeps({}));
    CHECK(record_keeps(json::parse(R"({"keep": "no"})")));
    CHECK_FALSE(record_keeps(json::parse(R"({"keep": false})")));
}
