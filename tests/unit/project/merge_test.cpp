// What takes the place of what when compose files are merged.
#include <catch2/catch.hpp>

#include "unit/project/merge_fixture.hpp"

namespace sandbox::project {
namespace {

TEST_CASE("variables do not hide what a mount, a secret, a config or a device is there for") {
    MergeDirectory directory;
    const std::string top = directory.path();
    const Service a = directory.merge(
        "volumes: [\"${SRC:-.}:/app\", \"${D:-./d}:/data\"], devices: "
        "[\"${DEV:-/dev/null}:/dev/x\"]",
        "volumes: [\"${CONF:-./c}:/conf\", \"./x:/data\"], devices: [\"/dev/zero:/dev/${N:-x}\"]");
    CHECK(a.request.volumes == Texts{top + ":/app", top + "/x:/data", top + "/c:/conf"});
    CHECK(a.request.devices == Texts{"/dev/zero:/dev/x"});
    CHECK(directory.merge("volumes: [\"./a:/${T:-d}\"]", "volumes: [{type: tmpfs, target: /d/}]")
              .request.volumes.empty());
    CHECK(directory.merge("environment: [\"${N:-A}=${V:-x=y}\"]", "environment: [B=$$1]")
              .request.env == Texts{"A=x=y", "B=$1"});
    directory.environment = {{"PAIR", "A=$2"}};
    CHECK(directory.merge("environment: [\"${PAIR}\"]", "environment: {B: 1}").request.env ==
          Texts{"A=$2", "B=1"});
    CHECK_THAT(directory.failure("environment: [\"${N:?say it}=1\"]", "environment: [B=1]"),
               Catch::StartsWith("compose.yaml:2:32: variable \"N\" is required: say it"));
}

TEST_CASE("the same words name another file in another directory") {
    MergeDirectory directory;
    base::make_dirs(directory.path() + "/common", 0755);
    directory.write("common/.env", "FROM=common\n");
    directory.write("own.env", "OWN=1\n");
    directory.write("common/base.yaml",
                    "services: {b: {image: x, env_file: .env, label_file: [labels]}}\n");
    directory.write("compose.yaml",
                    "services: {a: {extends: {file: common/base.yaml, service: b}, env_file: "
                    "own.env, label_file: [labels]}}\n");
    Service a = directory.load({"compose.yaml"}).services.at(0);
    CHECK(a.file_env == std::map<std::string, std::string>{{"FROM", "common"}, {"OWN", "1"}});
    CHECK(a.request.label_files ==
          Texts{directory.path() + "/common/labels", directory.path() + "/labels"});
    directory.write("a.env", "A=1\n");
    a = directory.merge("env_file: [a.env, own.env]",
                        "env_file: [{path: ./a.env, required: false, format: raw}]");
    CHECK(a.env_files.size() == 2);
    CHECK_FALSE(directory.merge("env_file: none.env", "env_file: {path: none.env, required: false}")
                    .refused);
}

TEST_CASE("a port is published once, however two files say it") {
    const MergeDirectory directory;
    const auto ports = [&](const std::string& base, const std::string& over) {
        return directory.merge("ports: [" + base + "]", "ports: [" + over + "]").request.publish;
    };
    const std::string full = "{target: 80, published: 8080}";
    CHECK(ports(full, full).size() == 1);
    CHECK(ports("\"127.0.0.1:8080:80\"", full).size() == 1);
    CHECK(ports("\"8080:80/TCP\"", "\"${P:-8080}:80\"").size() == 1);
    CHECK(ports("\"[::1]:8080:80\"", "{target: 80, published: 8080, host_ip: \"::1\"}").size() ==
          1);
    CHECK(ports("\"8080:80\"", "\"8080:80/udp\", \"127.0.0.2:8080:80\", \"8081:80\"").size() == 4);
}

TEST_CASE("a file system in memory takes the place of one at its path") {
    const MergeDirectory directory;
    CHECK(directory.merge("tmpfs: [\"/t:size=1m\", /u]", "tmpfs: \"/t/:size=2m\"").request.tmpfs ==
          Texts{"/t/:size=2m", "/u"});
}

TEST_CASE("of what one file says twice, the later file's word stands alone") {
    const MergeDirectory directory;
    CHECK(directory.merge("environment: [A=1, A=2]", "environment: [A=3]").request.env ==
          Texts{"A=3"});
    CHECK(directory.merge("environment: [A=1, A=2]", "environment: [B=3]").request.env ==
          Texts{"A=2", "B=3"});
}

TEST_CASE("hosts of a list and of a table come together") {
    const MergeDirectory directory;
    const auto hosts = [&](const std::string& base, const std::string& over) {
        return directory.merge("extra_hosts: " + base, "extra_hosts: " + over).request.add_host;
    };
    CHECK(hosts("[\"a:1.1.1.1\", \"c=::1\"]", "{b: 2.2.2.2, a: 1.1.1.1}") ==
          Texts{"a=1.1.1.1", "c=::1", "b=2.2.2.2"});
    CHECK(hosts("{b: [2.2.2.2, 3.3.3.3]}", "[\"a:1.1.1.1\"]") ==
          Texts{"b=2.2.2.2", "b=3.3.3.3", "a:1.1.1.1"});
    CHECK(hosts("{b: 2.2.2.2}", "[\"a:1.1.1.1\"]") == Texts{"b=2.2.2.2", "a:1.1.1.1"});
    CHECK(hosts("{b: 2.2.2.2}", "{b: 1.1.1.1}") == Texts{"b=1.1.1.1"});
    CHECK(hosts("{b: 2.2.2.2}", "\"a:1.1.1.1\"") == Texts{"b=2.2.2.2", "a:1.1.1.1"});
}

TEST_CASE("a colon before the first = is of the name, in a list that meets a table, too") {
    const MergeDirectory directory;
    const Service a = directory.merge("labels: [\"a:b=c\"], environment: [A=1]",
                                      "labels: {d: e}, environment: B=2");
    CHECK(a.request.labels == Texts{"a:b=c", "d=e"});
    CHECK(a.request.env == Texts{"A=1", "B=2"});
}

TEST_CASE("what a merge cannot make sense of is left for its place to be told") {
    const MergeDirectory directory;
    CHECK(directory.failure("depends_on: [db]", "depends_on: [{db: {}}]") ==
          "compose.override.yaml:2:21: expected text, found a table");
    CHECK(directory.failure("depends_on: [db]", "depends_on: db") ==
          "compose.override.yaml:2:20: \"depends_on\": expected a list of names or a table, found "
          "text");
    CHECK_THAT(directory.failure("depends_on: 1", "depends_on: [db]"),
               Catch::StartsWith("compose.yaml:2:30: \"depends_on\": expected"));
    CHECK_THAT(directory.failure("environment: [A=1]", "environment: [[B=2]]"),
               Catch::StartsWith("compose.override.yaml:2:22:"));
}

TEST_CASE("a key with nothing behind it changes nothing, but gives the image its command back") {
    const MergeDirectory directory;
    const Service a = directory.merge(
        "command: [c], entrypoint: [e], user: u, ports: [\"80:80\"], init: false, mem_limit: 64m, "
        "healthcheck: {test: [CMD, t], retries: 7}, environment: {A: a}, depends_on: {db: "
        "{condition: service_healthy}}",
        "image: , command: , entrypoint: , user: , ports: , init: , mem_limit: , healthcheck: "
        "{test: , retries: }, environment: , depends_on: {db: }");
    CHECK(a.request.command.empty());
    CHECK_FALSE(a.request.entrypoint);
    CHECK(a.request.image == "x");
    CHECK(a.request.user == "u");
    CHECK(a.request.publish.size() == 1);
    CHECK(a.request.init == false);
    CHECK(a.request.memory == "64m");
    CHECK(a.request.env == Texts{"A=a"});
    CHECK(a.depends_on.at(0).condition == Condition::healthy);
    REQUIRE(a.healthcheck);
    CHECK(a.healthcheck->retries == 7U);
    CHECK(a.healthcheck->command.empty());
}

TEST_CASE("a name in a list of dependencies leaves what the other file says beside the condition") {
    MergeDirectory directory;
    const Dependency one =
        directory
            .merge("depends_on: {db: {condition: service_healthy, restart: true, required: false}}",
                   "depends_on: [\"${DB:-db}\"]")
            .depends_on.at(0);
    CHECK(one.restart);
    CHECK(one.required);
    CHECK(one.condition == Condition::started);
    CHECK(directory.merge("depends_on: [db]", "depends_on: {db: {condition: service_healthy}}")
              .depends_on.at(0)
              .condition == Condition::healthy);
    CHECK_THAT(directory.failure("depends_on: [db, db]", "init: true"),
               Catch::StartsWith("compose.yaml:2:35: \"db\" is named twice"));
}

TEST_CASE("a compose file takes a dependency of a profile away") {
    const ProfileDirectory directory;
    directory.write("sandbox.toml",
                    "[services.a]\nimage = \"x\"\ndepends_on = [\"db\", \"c\"]\n"
                    "[services.db]\nimage = \"x\"\n[services.c]\nimage = \"x\"\n");
    directory.write("compose.yaml", "services: {a: {depends_on: {db: !reset null}}}\n");
    const Project project = directory.load({"sandbox.toml", "compose.yaml"});
    REQUIRE(project.find_service("a")->depends_on.size() == 1);
    CHECK(project.find_service("a")->depends_on.at(0).service == "c");
}

TEST_CASE("a pair without a name is told with its place, merged or not") {
    const MergeDirectory directory;
    CHECK_THAT(directory.failure("labels: [\"${NONE}=1\"]", "labels: {a: b}"),
               Catch::StartsWith("compose.yaml:2:27: there is no name in \"${NONE}=1\""));
    CHECK_THAT(directory.failure("labels: [\"=1\"]", "init: true"),
               Catch::StartsWith("compose.yaml:2:27: expected"));
}

TEST_CASE("long lists are merged in a moment") {
    const MergeDirectory directory;
    std::string base = "environment: [";
    std::string ports = "expose: [";
    for (int i = 0; i < 20'000; ++i) base += "A" + std::to_string(i) + "=1,";
    for (int i = 1; i < 20'000; ++i) ports += std::to_string(i) + ",";
    const std::string text = base + "], " + ports + "]";
    CHECK(directory.merge(text, text).request.env.size() == 20'000);
}

}  // namespace
}  // namespace sandbox::project
