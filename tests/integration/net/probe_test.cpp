#include "sandbox/net/probe.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "support/skip.hpp"
#include "world_support.hpp"

using namespace sandbox;
using kernel::Ability;

TEST_CASE("doctor's network probes find the whole way, and each \"no\" has its cure") {
    SANDBOX_SKIP_UNLESS(test::has_namespaces(), "no user namespaces");
    const std::vector<Ability> abilities = net::probe_network();
    for (const Ability& ability : abilities) {
        INFO(ability.name << ": " << ability.detail);
        CHECK_FALSE(ability.gives.empty());
        CHECK_FALSE(ability.detail.empty());
        CHECK_FALSE(ability.needed);
        CHECK((ability.state == Ability::State::yes) == ability.cure.empty());
    }
    for (const char* name : {"private network", "packet filter", "virtual links"}) {
        const auto found = std::find_if(abilities.begin(), abilities.end(),
                                        [&](const Ability& each) { return each.name == name; });
        REQUIRE(found != abilities.end());
        INFO(found->name << ": " << found->detail);
        CHECK(found->state == Ability::State::yes);
    }
}
