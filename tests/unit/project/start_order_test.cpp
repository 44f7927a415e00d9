#include "sandbox/project/start_order.hpp"

#include <catch2/catch.hpp>

#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

using Texts = std::vector<std::string>;
using Waves = std::vector<Texts>;

constexpr const char* kProfile = R"(
[services.web]
image = "x"
depends_on = ["app", "cache"]
[services.app]
image = "x"
depends_on = { db = { condition = "healthy" }, cache = { required = false } }
[services.db]
image = "x"
[services.cache]
image = "x"
[services.debug]
image = "x"
profiles = ["dev"]
network_mode = "service:web"
)";

TEST_CASE("services start in waves, each when all before it may be there") {
    ProfileDirectory directory;
    const Project project = directory.load_text(kProfile);
    const Texts names = select_services(project, {});
    CHECK(names == Texts{"web", "app", "db", "cache"});
    CHECK(start_waves(project, names) == Waves{{"db", "cache"}, {"app"}, {"web"}});
}

TEST_CASE("a named service brings what it depends on, unless told otherwise") {
    ProfileDirectory directory;
    const Project project = directory.load_text(kProfile);
    CHECK(select_services(project, {{"app"}, {}, true}) == Texts{"app", "db"});
    CHECK(select_services(project, {{"app"}, {}, false}) == Texts{"app"});
    CHECK(start_waves(project, {"app"}) == Waves{{"app"}});
}

TEST_CASE("an optional group is started when it or one of its services is asked for") {
    ProfileDirectory directory;
    const Project project = directory.load_text(kProfile);
    CHECK(select_services(project, {{}, {"dev"}, true}).size() == 5);
    CHECK(select_services(project, {{}, {"*"}, true}).size() == 5);
    const Texts names = select_services(project, {{"debug"}, {}, true});
    CHECK(names.size() == 5);
    CHECK(start_waves(project, names).back() == Texts{"debug"});
}

TEST_CASE("a dependency in a group that is not asked for is an error with the cure") {
    ProfileDirectory directory;
    const Project project = directory.load_text(
        "[services.a]\nimage = \"x\"\ndepends_on = [\"b\"]\n"
        "[services.b]\nimage = \"x\"\nprofiles = [\"extra\"]\n");
    try {
        (void)select_services(project, {});
        FAIL("no error");
    } catch (const base::UsageError& error) {
        CHECK(error.hint() == "use --profile extra");
    }
}

TEST_CASE("a name that is no service is told with the nearest one") {
    ProfileDirectory directory;
    const Project project = directory.load_text(kProfile);
    try {
        (void)select_services(project, {{"wbe"}, {}, true});
        FAIL("no error");
    } catch (const base::UsageError& error) {
        CHECK(error.message() == "no such service: \"wbe\"");
        CHECK(error.hint() == "did you mean \"web\"?");
    }
}

}  // namespace
}  // namespace sandbox::project
