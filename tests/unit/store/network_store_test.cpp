#include "sandbox/store/network_store.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"
#include "temp_store.hpp"

namespace sandbox::store {
namespace {

TEST_CASE("networks are found by name and by the beginning of an id, and a name is taken once") {
    const test::TempStore temp;
    const NetworkStore networks(temp.store());
    const auto nothing = [](NetworkRecord&, const std::vector<NetworkRecord>&) {};
    NetworkRecord wish;
    wish.name = "back";
    wish.subnet = "10.89.1.0/24";
    wish.labels = {{"a", "b"}};
    wish.host_ports = {5432};
    const NetworkRecord made = networks.create(wish, nothing);
    CHECK(made.id.size() == 64);
    CHECK(networks.try_find("back")->subnet == wish.subnet);
    CHECK(networks.try_find("back")->labels == wish.labels);
    CHECK(networks.try_find("back")->host_ports == wish.host_ports);
    CHECK(networks.try_find(made.id.substr(0, 6))->name == "back");
    CHECK_FALSE(networks.try_find("front"));
    CHECK_THROWS_AS(networks.create(wish, nothing), base::Error);
    size_t seen = 0;
    wish.name = "front";
    (void)networks.create(wish, [&](NetworkRecord&, const auto& others) { seen = others.size(); });
    CHECK(seen == 1);
    CHECK_THROWS_AS(networks.remove(made, [] { throw base::Error("in use"); }), base::Error);
    CHECK(networks.try_find("back"));
    networks.remove(made);
    CHECK_FALSE(networks.try_find("back"));
    CHECK(networks.list().size() == 1);
}

TEST_CASE("a network's name cannot be a path or an option") {
    for (const char* bad : {"", ".", "..", "a/b", "-a", ".a", "a b"}) {
        INFO(bad);
        CHECK_THROWS_AS(NetworkStore::check_name(bad), base::UsageError);
    }
    CHECK_NOTHROW(NetworkStore::check_name("shop_default"));
}

}  // namespace
}  // namespace sandbox::store
