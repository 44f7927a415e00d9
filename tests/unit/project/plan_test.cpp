#include <catch2/catch.hpp>

#include "sandbox/project/deployment.hpp"
#include "sandbox/project/start_order.hpp"
#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

using Kind = Action::Kind;

constexpr const char* kProfile = R"(
name = "p"
[services.web]
image = "w"
depends_on = ["db", "migrate"]
scale = 2
[services.db]
image = "d"
restart = "always"
[tasks.migrate]
image = "d"
inputs = ["./migrations"]
depends_on = ["db"]
)";

struct Fixture {
    Fixture() { project = directory.load_text(kProfile); }

    Deployed deployed(const std::string& name, std::uint32_t number, const std::string& state,
                      int exit_code = 0) const {
        const Service& service = *project.find_service(name);
        Deployed result;
        result.service = name;
        result.number = number;
        result.name = container_name(project, service, number);
        result.id = "id-" + result.name;
        result.hash = deployment_hash(project, service);
        result.image_id = "sha256:" + service.request.image;
        result.state = state;
        result.exit_code = exit_code;
        return result;
    }
    [[nodiscard]] std::string plan(const std::vector<Deployed>& there,
                                   PlanOptions options = {}) const {
        if (options.names.empty()) options.names = select_services(project, {});
        if (!options.image_id) {
            options.image_id = [](const std::string& image) { return "sha256:" + image; };
        }
        constexpr const char* kWords[] = {"keep", "start", "create", "recreate", "remove"};
        std::string text;
        for (const Action& action : make_plan(project, there, options)) {
            text += (text.empty() ? "" : ", ") +
                    std::string(kWords[static_cast<int>(action.kind)]) + " " + action.container;
        }
        return text;
    }

    ProfileDirectory directory;
    Project project;
};

TEST_CASE("with nothing there, all is created in the order of start") {
    const Fixture f;
    CHECK(f.plan({}) == "create p-db-1, create p-migrate-1, create p-web-1, create p-web-2");
}

TEST_CASE("what runs and has not changed is kept, what ended is started") {
    const Fixture f;
    CHECK(f.plan({f.deployed("db", 1, "running"), f.deployed("migrate", 1, "exited"),
                  f.deployed("web", 1, "exited", 1), f.deployed("web", 2, "created")}) ==
          "keep p-db-1, keep p-migrate-1, start p-web-1, start p-web-2");
}

TEST_CASE("what has changed is made anew, and only that") {
    const Fixture f;
    Deployed db = f.deployed("db", 1, "running");
    db.hash = "other";
    Deployed web = f.deployed("web", 1, "running");
    web.image_id = "sha256:older";
    const std::vector<Deployed> there{db, web, f.deployed("web", 2, "running"),
                                      f.deployed("migrate", 1, "exited")};
    CHECK(f.plan(there) == "recreate p-db-1, keep p-migrate-1, recreate p-web-1, keep p-web-2");
    PlanOptions keep;
    keep.no_recreate = true;
    CHECK(f.plan(there, keep) == "keep p-db-1, keep p-migrate-1, keep p-web-1, keep p-web-2");
    PlanOptions force;
    force.force_recreate = true;
    force.names = {"db"};
    CHECK(f.plan(there, force) == "recreate p-db-1");
}

TEST_CASE("files whose content is in the container are part of its description") {
    const ProfileDirectory directory;
    for (const char* name : {"env", "labels", "config", "secret", "other"}) {
        directory.write(name, "A=1\n");
    }
    constexpr const char* kText = R"(
[services.a]
image = "x"
env_file = "env"
label_file = "./labels"
configs = ["c"]
secrets = ["s"]
[services.b]
image = "x"
[configs.c]
file = "config"
[secrets.s]
file = "secret"
)";
    const auto hash = [&](const char* name) {
        const Project project = directory.load_text(kText);
        return deployment_hash(project, *project.find_service(name));
    };
    const std::string other = hash("b");
    std::string before = hash("a");
    for (const char* name : {"env", "labels", "config", "secret"}) {
        CAPTURE(std::string(name));
        directory.write(name, "A=2\n");
        CHECK(hash("a") != before);
        before = hash("a");
    }
    directory.write("other", "A=2\n");
    // What it says, not how.
    directory.write("env", "# the same\nA='2'\n");
    CHECK(hash("a") == before);
    CHECK(hash("b") == other);
}

TEST_CASE("a task is run again when it failed or when one of its inputs has changed") {
    const Fixture f;
    PlanOptions options;
    options.names = {"migrate"};
    const Deployed done = f.deployed("migrate", 1, "exited");
    CHECK(f.plan({done}, options) == "keep p-migrate-1");
    CHECK(f.plan({f.deployed("migrate", 1, "exited", 3)}, options) == "recreate p-migrate-1");
    base::make_dir_at(AT_FDCWD, f.directory.path() + "/migrations", 0755);
    CHECK(f.plan({done}, options) == "recreate p-migrate-1");
    const Deployed with_directory = f.deployed("migrate", 1, "exited");
    CHECK(f.plan({with_directory}, options) == "keep p-migrate-1");
    f.directory.write("migrations/001.sql", "x");
    CHECK(f.plan({with_directory}, options) == "recreate p-migrate-1");
}

TEST_CASE("who was to take another one's place goes, or is made anew when that is gone") {
    const Fixture f;
    const std::vector<Deployed> others{f.deployed("migrate", 1, "exited"),
                                       f.deployed("web", 1, "running"),
                                       f.deployed("web", 2, "running")};
    std::vector<Deployed> there = others;
    Deployed successor = f.deployed("db", 1, "created");
    successor.name = successor_name(std::string(64, 'a'), successor.name);
    CHECK(successor.name == "aaaaaaaaaaaa_p-db-1");
    there.push_back(successor);
    CHECK(f.plan(there).starts_with("recreate p-db-1, "));
    PlanOptions as_it_is;
    as_it_is.no_create = true;
    CHECK(f.plan(there, as_it_is).starts_with("start p-db-1, "));
    there.back().is_successor = true;
    there.push_back(f.deployed("db", 1, "running"));
    CHECK(f.plan(there).starts_with("remove aaaaaaaaaaaa_p-db-1, keep p-db-1, "));
    // Long names are cut, short ones of a person's are not taken for ours.
    const std::string longest(255, 'n');
    CHECK(successor_name(std::string(64, 'b'), longest).size() == 255);
    CHECK(is_successor_name(successor_name(std::string(64, 'b'), longest), longest));
    CHECK_FALSE(is_successor_name("p-db-1", "p-db-1"));
    CHECK_FALSE(is_successor_name("aaaaaaaaaaa_p-db-1", "p-db-1"));
    CHECK_FALSE(is_successor_name("aaaaaaaaaaaa_p-db-12", "p-db-1"));
}

TEST_CASE("fewer are wanted: the last ones go, before anything is started") {
    const Fixture f;
    PlanOptions options;
    options.names = {"web"};
    options.scale = {{"web", 1}};
    CHECK(f.plan({f.deployed("web", 1, "running"), f.deployed("web", 2, "running")}, options) ==
          "remove p-web-2, keep p-web-1");
}

TEST_CASE("where none is made, those that exist count, however many the profile wants") {
    const Fixture f;
    PlanOptions options;
    options.names = {"db", "web"};
    options.no_create = options.no_recreate = true;
    CHECK(f.plan({f.deployed("db", 1, "exited"), f.deployed("db", 2, "exited"),
                  f.deployed("db", 0, "exited"), f.deployed("web", 2, "running")},
                 options) == "start p-db-1, start p-db-2, keep p-web-2");
}

TEST_CASE("containers of services that are gone stay, unless asked for") {
    const Fixture f;
    Deployed orphan = f.deployed("db", 1, "running");
    orphan.service = "former";
    orphan.name = "p-former-1";
    PlanOptions options;
    options.names = {"db"};
    CHECK(f.plan({orphan}, options) == "create p-db-1");
    options.remove_orphans = true;
    CHECK(f.plan({orphan}, options) == "remove p-former-1, create p-db-1");
}

TEST_CASE("a container is asked for with its name, its labels and its restart policy") {
    const Fixture f;
    const engine::RunRequest request =
        make_container_request(f.project, *f.project.find_service("db"), 1);
    CHECK(request.name == "p-db-1");
    CHECK(request.restart == "always");
    CHECK(request.remove == false);
    const auto has = [&](const std::string& line) {
        return std::find(request.labels.begin(), request.labels.end(), line) !=
               request.labels.end();
    };
    CHECK(has("com.docker.compose.project=p"));
    CHECK(has("com.docker.compose.service=db"));
    CHECK(has("com.docker.compose.container-number=1"));
    CHECK(has("com.docker.compose.project.working_dir=" + f.directory.path()));
}

TEST_CASE("who shares another service's network is restarted when that is made anew") {
    Fixture fixture;
    fixture.project = fixture.directory.load_text(R"(
name = "p"
[services.web]
image = "w"
[services.side]
image = "s"
network_mode = "service:web"
)");
    Deployed web = fixture.deployed("web", 1, "running");
    web.hash = "another";
    const Deployed side = fixture.deployed("side", 1, "running");
    PlanOptions options;
    options.names = {"web", "side"};
    options.image_id = [](const std::string& image) { return "sha256:" + image; };
    const std::vector<Action> actions = make_plan(fixture.project, {web, side}, options);
    REQUIRE(actions.size() == 2);
    CHECK(actions[0].kind == Kind::recreate);
    CHECK(actions[1].kind == Kind::restart);
    CHECK(actions[1].service == "side");
    const engine::RunRequest request =
        make_container_request(fixture.project, *fixture.project.find_service("side"), 1);
    CHECK(request.network == "container:p-web-1");
}

}  // namespace
}  // namespace sandbox::project
