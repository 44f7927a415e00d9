#include <catch2/catch.hpp>

#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* kBlog = R"(
[services.db]
image = "mysql:8.0"
environment = { MYSQL_ROOT_PASSWORD = "${DB_ROOT:-123456}", MYSQL_DATABASE = "wordpress" }
volumes = ["./db_data:/var/lib/mysql", "cache:/var/cache:ro"]
ready = { command = ["mysqladmin", "ping"], interval = "1s", timeout = "3s", retries = 60 }
restart = "always"

[services.app]
image = "wordpress:latest"
depends_on = ["db"]
ports = ["8080:80", 9000, { target = 53, published = 5353, protocol = "udp", host_ip = "::1" }]
command = "apache2 -D 'FOREGROUND now'"
stop_grace_period = "1500ms"
mem_limit = "64m"

[tasks.seed]
image = "mysql:8.0"
depends_on = ["db"]
entrypoint = ["sh", "-c"]
command = ["mysql -h db < /seed.sql"]

[tasks.check]
image = "busybox"
depends_on = ["seed"]
)";

TEST_CASE("a profile becomes services with what run would be asked") {
    ProfileDirectory directory;
    const Project project = directory.load_text(kBlog);
    REQUIRE(project.services.size() == 4);
    const Service& db = *project.find_service("db");
    CHECK(db.request.image == "mysql:8.0");
    CHECK(db.request.env == Texts{"MYSQL_ROOT_PASSWORD=123456", "MYSQL_DATABASE=wordpress"});
    CHECK(db.request.restart == "always");
    REQUIRE(db.ready);
    CHECK(db.ready->command == Texts{"mysqladmin", "ping"});
    CHECK(db.ready->interval == std::chrono::seconds(1));
    CHECK(db.ready->retries == 60);
    const Service& app = *project.find_service("app");
    CHECK(app.request.publish == Texts{"8080:80", "9000", "[::1]:5353:53/udp"});
    CHECK(app.request.command == Texts{"apache2", "-D", "FOREGROUND now"});
    CHECK(app.request.stop_timeout_seconds == 2);
    CHECK(app.request.memory == "64m");
    CHECK(app.networks.at(0).network == "default");
}

TEST_CASE("relative binds start at the profile and named volumes belong to the project") {
    ProfileDirectory directory;
    const Project project = directory.load_text(kBlog);
    const Texts& volumes = project.find_service("db")->request.volumes;
    CHECK(volumes.at(0) == directory.path() + "/db_data:/var/lib/mysql");
    CHECK(volumes.at(1) == project.name + "_cache:/var/cache:ro");
    REQUIRE(project.find_volume("cache") != nullptr);
    CHECK(project.find_service("db")->volume_uses == Texts{"cache"});
}

TEST_CASE("who depends on a task waits for its success, on a service for readiness") {
    ProfileDirectory directory;
    const Project project = directory.load_text(kBlog);
    CHECK(project.find_service("check")->depends_on.at(0).condition == Condition::completed);
    CHECK(project.find_service("seed")->depends_on.at(0).condition == Condition::ready);
}

TEST_CASE("an entrypoint of several words takes the image's command away") {
    ProfileDirectory directory;
    const Project project = directory.load_text(kBlog);
    const Service& seed = *project.find_service("seed");
    CHECK(seed.request.entrypoint == "sh");
    CHECK(seed.request.command == Texts{"-c", "mysql -h db < /seed.sql"});
    CHECK(seed.is_task);
}

TEST_CASE("the profile is found upward from the working directory") {
    ProfileDirectory directory;
    directory.write("sandbox.toml", "[services.web]\nimage = \"a\"\n");
    base::make_dir_at(AT_FDCWD, directory.path() + "/src", 0755);
    LoadOptions options;
    options.current_dir = directory.path() + "/src";
    options.environment = [](const std::string&) { return std::nullopt; };
    CHECK(load_project(options).directory == directory.path());
}

TEST_CASE("the project's name comes from the flag, the profile, or the directory") {
    ProfileDirectory directory;
    directory.write("sandbox.toml", "name = \"blog\"\n[services.web]\nimage = \"a\"\n");
    CHECK(directory.load().name == "blog");
    LoadOptions options;
    options.current_dir = directory.path();
    options.environment = [](const std::string&) { return std::nullopt; };
    options.name = "other";
    CHECK(load_project(options).name == "other");
    options.name = "Not Good";
    CHECK_THROWS_AS(load_project(options), base::UsageError);
}

TEST_CASE("a name in environment takes the caller's value, then that of .env, else is left out") {
    ProfileDirectory directory;
    directory.write(".env", "FROM_FILE=file\nBOTH=file\n");
    directory.environment = {{"BOTH", "caller"}};
    const Project project = directory.load_text(
        "[services.a]\nimage = \"x\"\nenvironment = [\"FROM_FILE\", \"BOTH\", \"NONE\"]\n");
    CHECK(project.services[0].request.env == Texts{"FROM_FILE=file", "BOTH=caller"});
}

TEST_CASE("an unset variable counts as empty and is told") {
    ProfileDirectory directory;
    const Project project = directory.load_text("[services.a]\nimage = \"x$NO_SUCH\"\n");
    CHECK(project.services[0].request.image == "x");
    REQUIRE(project.notices.size() == 1);
    CHECK(project.notices[0] ==
          "sandbox.toml:2: variable \"NO_SUCH\" is not set: it counts as empty");
}

TEST_CASE("volumes in the long form become binds, volumes and file systems in memory") {
    ProfileDirectory directory;
    const Project project = directory.load_text(R"(
name = "p"
[services.a]
image = "x"
volumes = [
  { type = "bind", source = "./a,b", target = "/a", read_only = true },
  { type = "bind", source = "/must", target = "/m", bind = { create_host_path = false } },
  { source = "data", target = "/d", volume = { nocopy = true } },
  { type = "tmpfs", target = "/t", tmpfs = { size = "1m" } },
  { type = "tmpfs", target = "/u", tmpfs = { mode = 0o1777 } },
  { type = "tmpfs", target = "/w", tmpfs = { mode = "0700" } },
]
)");
    const Service& service = project.services[0];
    CHECK(service.request.volumes == Texts{directory.path() + "/a,b:/a:ro"});
    CHECK(service.request.mounts == Texts{"type=bind,source=/must,target=/m",
                                          "type=volume,source=p_data,target=/d,volume-nocopy",
                                          "type=tmpfs,target=/t,tmpfs-size=1m",
                                          "type=tmpfs,target=/u,tmpfs-mode=1777",
                                          "type=tmpfs,target=/w,tmpfs-mode=700"});
}

TEST_CASE("an external volume keeps its name") {
    ProfileDirectory directory;
    const Project project = directory.load_text(R"(
[services.a]
image = "x"
volumes = ["old:/o", "named:/n"]
[volumes.old]
external = true
[volumes.named]
name = "given"
)");
    CHECK(project.services[0].request.volumes == Texts{"old:/o", "given:/n"});
}

TEST_CASE("a volume whose driver_opts say bind is that directory of the host") {
    ProfileDirectory directory;
    const Project project = directory.load_text(R"(
name = "p"
[services.a]
image = "x"
volumes = [
  "data:/d", "data:/e:ro", "data:/f:nocopy", "fixed:/g:rw", "plain:/h",
  { source = "data", target = "/i", volume = { nocopy = true } },
  { source = "fixed", target = "/j" },
]
[volumes.data]
driver_opts = { type = "none", o = "bind", device = "here" }
[volumes.fixed]
driver_opts = { type = "none", o = "bind,ro", device = "/abs" }
[volumes.plain]
labels = { a = "b" }
)");
    const std::string here = directory.path() + "/here";
    const engine::RunRequest& request = project.services[0].request;
    CHECK(request.volumes ==
          Texts{here + ":/d", here + ":/e:ro", here + ":/f", "/abs:/g:ro", "p_plain:/h"});
    CHECK(request.mounts == Texts{"type=bind,source=" + here + ",target=/i",
                                  "type=bind,source=/abs,target=/j,readonly"});
    CHECK(project.services[0].volume_uses == Texts{"data", "fixed", "plain"});
    CHECK(project.find_volume("data")->where == "sandbox.toml:10");
    CHECK(project.find_volume("data")->options.at("device") == here);
}

TEST_CASE("a later file adds to lists and tables and replaces single values and commands") {
    ProfileDirectory directory;
    directory.write("a.toml", R"(
[services.web]
image = "one"
command = ["a", "b"]
environment = ["A=1", "B=2"]
ports = ["80:80"]
volumes = ["./x:/data", "./y:/other"]
[services.web.healthcheck]
test = ["CMD", "true"]
retries = 5
)");
    directory.write("b.toml", R"(
[services.web]
image = "two"
command = ["c"]
environment = { B = "3", C = "4" }
ports = ["80:80", "81:81"]
volumes = ["./z:/data"]
healthcheck = { test = ["CMD", "false"] }
[services.more]
image = "m"
)");
    const Project project = directory.load({"a.toml", "b.toml"});
    const Service& web = *project.find_service("web");
    CHECK(web.request.image == "two");
    CHECK(web.request.command == Texts{"c"});
    CHECK(web.request.env == Texts{"A=1", "B=3", "C=4"});
    CHECK(web.request.publish == Texts{"80:80", "81:81"});
    CHECK(web.request.volumes ==
          Texts{directory.path() + "/z:/data", directory.path() + "/y:/other"});
    CHECK(web.healthcheck->command == Texts{"false"});
    CHECK(web.healthcheck->retries == 5);
    CHECK(project.find_service("more") != nullptr);
}

TEST_CASE("sandbox.override.toml is merged when the profile is found by itself") {
    ProfileDirectory directory;
    directory.write("sandbox.toml", "[services.a]\nimage = \"one\"\n");
    directory.write("sandbox.override.toml", "[services.a]\nimage = \"two\"\n");
    CHECK(directory.load().services[0].request.image == "two");
    CHECK(directory.load({"sandbox.toml"}).services[0].request.image == "one");
}

}  // namespace
}  // namespace sandbox::project
