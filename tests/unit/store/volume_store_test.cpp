#include "sandbox/store/volume_store.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "temp_store.hpp"

namespace {

using namespace sandbox;
using store::VolumeRecord;
using store::VolumeStore;

}  // namespace

TEST_CASE("a volume is created once and keeps its record") {
    const test::TempStore temp;
    const VolumeStore volumes(temp.store());
    VolumeRecord wish;
    wish.name = "data";
    wish.labels = {{"a", "b"}};
    const VolumeRecord made = volumes.create(wish);
    CHECK(made.created > 0);
    wish.labels = {{"other", "x"}};
    CHECK(volumes.create(wish).labels == made.labels);
    VolumeRecord changed = made;
    changed.seeded = true;
    volumes.save(changed);
    CHECK(volumes.try_get("data")->seeded);
    CHECK(volumes.list().size() == 1);
    CHECK(volumes.open_data("data").valid());
    CHECK(volumes.data_path("data") == temp.path("volumes/data/data"));
    volumes.remove("data");
    CHECK_FALSE(volumes.try_get("data"));
    CHECK_THROWS_AS(volumes.remove("data"), base::NotFoundError);
    CHECK_THROWS_AS(volumes.open_data("data"), base::NotFoundError);
}

TEST_CASE("a volume without a name is anonymous and has 64 hex digits") {
    const test::TempStore temp;
    const VolumeStore volumes(temp.store());
    const VolumeRecord made = volumes.create({});
    CHECK(made.anonymous);
    CHECK(made.name.size() == 64);
    CHECK(volumes.try_get(made.name));
}

TEST_CASE("names that could leave the directory are refused") {
    for (const char* name : {"", ".", "..", "a/b", "../x", "-a", ".a", "a b", "a\n", "\xc3\xa4"}) {
        INFO(name);
        CHECK_THROWS_AS(VolumeStore::check_name(name), base::UsageError);
    }
    CHECK_THROWS_AS(VolumeStore::check_name(std::string(65, 'a')), base::UsageError);
    for (const char* name : {"a", "A1_.-", "0"}) CHECK_NOTHROW(VolumeStore::check_name(name));
}

TEST_CASE("a volume whose record is damaged keeps its data and is never seeded again") {
    const test::TempStore temp;
    const VolumeStore volumes(temp.store());
    VolumeRecord wish;
    wish.name = "data";
    (void)volumes.create(wish);
    const base::UniqueFd dir = base::open_dir(temp.path("volumes/data"));
    base::write_file_atomic(dir.get(), "meta.json", "", 0600, base::Durability::volatile_data);
    REQUIRE(volumes.try_get("data"));
    CHECK(volumes.try_get("data")->seeded);
    CHECK(volumes.list().size() == 1);
}
