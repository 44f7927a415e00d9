#include <catch2/catch.hpp>

#include "sandbox/project/compose.hpp"
#include "sandbox/project/deployment.hpp"
#include "sandbox/project/resolved.hpp"
#include "sandbox/project/secrets.hpp"
#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

using Texts = std::vector<std::string>;

constexpr const char* kCompose = R"(
version: "3.9"
x-logging: &logging
  driver: json-file
  options: { max-size: 1m }
x-base: &base
  restart: unless-stopped
  logging: *logging
services:
  db:
    <<: *base
    image: mariadb:10
    command: --max-allowed-packet=64M
    environment:
      MARIADB_ROOT_PASSWORD: ${DB_ROOT:-secret}
      MARIADB_DATABASE: wordpress
      PASSED:
    volumes:
      - db_data:/var/lib/mysql
      - type: bind
        source: ./conf
        target: /etc/mysql/conf.d
        read_only: true
    healthcheck:
      test: ["CMD", "mysqladmin", "ping"]
      interval: 10s
      retries: 3
    expose:
      - 3306
    deploy:
      replicas: 1
      resources:
        limits: { cpus: "0.50", memory: 256M }
  web:
    image: wordpress
    depends_on:
      db:
        condition: service_healthy
    links:
      - db:mysql
    ports:
      - "8080:80"
      - target: 443
        published: 8443
    restart: no
    networks: [front, default]
  worker:
    extends: web
    scale: 2
    depends_on: [db]
volumes:
  db_data:
networks:
  front:
    driver: bridge
    ipam:
      config:
        - subnet: 10.77.0.0/24
)";

TEST_CASE("a compose file is read as it is") {
    ProfileDirectory directory;
    directory.environment = {{"PASSED", "through"}};
    const Project project = load_yaml(directory, kCompose);
    const Service& db = *project.find_service("db");
    CHECK(db.request.env ==
          Texts{"MARIADB_ROOT_PASSWORD=secret", "MARIADB_DATABASE=wordpress", "PASSED=through"});
    CHECK(db.request.restart == "unless-stopped");
    CHECK(db.request.log_options == Texts{"max-size=1m"});
    CHECK(db.request.command == Texts{"--max-allowed-packet=64M"});
    CHECK(db.request.volumes == Texts{project.name + "_db_data:/var/lib/mysql",
                                      directory.path() + "/conf:/etc/mysql/conf.d:ro"});
    CHECK(db.request.cpus == "0.50");
    CHECK(db.request.memory == "256M");
    CHECK(db.scale == 1);
    CHECK(db.networks.at(0).aliases == Texts{"mysql"});
    const Service& web = *project.find_service("web");
    CHECK(web.depends_on.at(0).condition == Condition::healthy);
    CHECK(web.request.publish == Texts{"8080:80", "8443:443"});
    CHECK(web.request.restart == "no");
    CHECK(project.find_network("front")->subnet == "10.77.0.0/24");
    const Service& worker = *project.find_service("worker");
    CHECK(worker.request.image == "wordpress");
    CHECK(worker.scale == 2);
    CHECK(worker.depends_on.at(0).condition == Condition::started);
}

TEST_CASE("compose's devices, short and long, are what run takes") {
    const ProfileDirectory directory;
    const Project project = load_yaml(directory, R"(
services:
  a:
    image: x
    devices:
      - /dev/a
      - /dev/b:/dev/c:r
      - { source: /dev/d, target: /dev/e, permissions: rw }
      - { source: /dev/f, permissions: r }
      - { source: /dev/g }
)");
    CHECK(project.services.at(0).request.devices ==
          Texts{"/dev/a", "/dev/b:/dev/c:r", "/dev/d:/dev/e:rw", "/dev/f::r", "/dev/g"});
    CHECK(failure(directory, "services: {a: {image: x, devices: [{target: /dev/e}]}}\n") ==
          "compose.yaml:1:36: expected text or a number, found a table");
}

TEST_CASE("what a compose file asks for in vain is refused with its line") {
    ProfileDirectory directory;
    const auto refusal = [&](const std::string& text) -> std::string {
        const Project project = load_yaml(directory, text);
        try {
            require_possible(project, {.names = {"a"}});
        } catch (const base::UsageError& error) {
            CHECK(project.notices.empty());
            return error.message() + " (" + error.hint() + ")";
        }
        return "no error";
    };
    CHECK(refusal("services:\n  a:\n    build: .\n") ==
          "compose.yaml:3:5: \"services.a.build\" cannot be done here (images are not built here "
          "yet: build it elsewhere, `sandbox load` it, and name it under \"image\")");
    CHECK(refusal("services:\n  a:\n    image: x\n    pid: host\n") ==
          "compose.yaml:4:5: \"services.a.pid\" cannot be done here (each container has process "
          "ids of its own)");
    // Others can be made all the same.
    CHECK(refusal("services:\n  b:\n    build: .\n  a:\n    image: x\n") == "no error");
    CHECK(failure(directory, "services:\n  a:\n    imgae: x\n") ==
          "compose.yaml:3:5: unknown key \"imgae\" in service \"a\" (did you mean \"image\"?)");
    CHECK(failure(directory, "services:\n  a:\n    image: x\n    image: y\n") ==
          "compose.yaml:4:5: key \"image\" stands twice");
    CHECK(failure(directory, "services:\n  a: [\n").starts_with("compose.yaml:"));
    CHECK(failure(directory, ", -a\n") ==
          "compose.yaml:1:1: not YAML: this stands in no list and in no table");
    CHECK(failure(directory, "services: {}\n--- \n, b\n").starts_with("compose.yaml:"));
    CHECK(failure(directory, "services: {}\n---\nservices: {}\n") ==
          "compose.yaml: several documents in one file (keep one, or name several files with -f)");
    CHECK(failure(directory, "just text\n") ==
          "compose.yaml:1:1: not a compose file (a compose file has services:)");
}

TEST_CASE("what has no effect is told with its line") {
    ProfileDirectory directory;
    const Project project =
        load_yaml(directory, "services:\n  a:\n    image: x\n    cpu_percent: 50\n");
    CHECK(project.notices ==
          Texts{"compose.yaml:4: services.a.cpu_percent has no effect: use cpus"});
}

TEST_CASE("compose's words for processors, hardware addresses and label files are run's") {
    const ProfileDirectory directory;
    const Project project = load_yaml(directory, R"(
services:
  a:
    image: x
    mac_address: 02:42:ac:11:65:43
    cpu_shares: 512
    cpu_quota: 50000
    cpu_period: 20000
    label_file: [./more, /abs]
  b:
    image: x
    networks:
      one: { mac_address: "02:42:ac:11:65:44" }
networks:
  one:
)");
    const Service& a = *project.find_service("a");
    CHECK(a.networks.at(0).network == "default");
    CHECK(a.networks.at(0).mac == "02:42:ac:11:65:43");
    CHECK(a.request.cpu_shares == "512");
    CHECK(a.request.cpu_quota == "50000");
    CHECK(a.request.cpu_period == "20000");
    CHECK(a.request.label_files == Texts{directory.path() + "/more", "/abs"});
    CHECK(project.find_service("b")->networks.at(0).mac == "02:42:ac:11:65:44");
    CHECK(project.notices.empty());
}

TEST_CASE("env_file has the grammar of .env, and stands below environment") {
    ProfileDirectory directory;
    directory.environment = {{"OUTER", "o"}, {"PASSED", "through"}};
    directory.write(".env", "FROM_DOT_ENV=d\n");
    directory.write("one", R"(
# a comment
PW='p@ss $x' # behind it
export FOO="with spaces"
BAZ=${FOO}/x-$OUTER-${FROM_DOT_ENV}
DQ="a\nb"
PASSED
NOWHERE
LATER=one
SET=file
)");
    directory.write("two", "LATER=two\n");
    directory.write("raw", "# one\n\nQUOTED='stays' # not a comment\nLATER=raw\n");
    const Project project = load_yaml(directory, R"(
services:
  a:
    image: x
    env_file: [one, two, { path: raw, format: raw }, { path: missing, required: false }]
    environment: { SET: here }
)");
    const Service& a = project.services.at(0);
    const engine::RunRequest request = make_container_request(project, a, 1);
    CHECK(request.env == Texts{"BAZ=with spaces/x-o-d", "DQ=a\nb", "FOO=with spaces", "LATER=raw",
                               "PASSED=through", "PW=p@ss $x", "QUOTED='stays' # not a comment",
                               "SET=file", "SET=here"});
    CHECK(request.env_files.empty());
    directory.write("one", "A=\"never closed\n");
    const Project none = load_yaml(
        directory, "services: {a: {image: x, env_file: none}, b: {image: x, env_file: two}}\n");
    REQUIRE(none.services.at(0).refused);
    CHECK(none.services.at(0).refused->message() ==
          "compose.yaml:1:36: no such file: \"" + directory.path() + "/none\"");
    CHECK_FALSE(none.services.at(1).refused);
    const Project bad = load_yaml(directory, "services: {a: {image: x, env_file: one}}\n");
    REQUIRE(bad.services.at(0).refused);
    CHECK_THAT(bad.services.at(0).refused->message(),
               Catch::Contains("one:1: the quote is never closed"));
}

TEST_CASE("the project's name is a variable, wherever it comes from") {
    ProfileDirectory directory;
    const std::string text = R"(
services: {a: {image: "x:${COMPOSE_PROJECT_NAME}"}}
volumes: {v: {name: "my-${COMPOSE_PROJECT_NAME}-data"}}
)";
    Project project = load_yaml(directory, text);
    CHECK(project.services.at(0).request.image == "x:" + project.name);
    CHECK(project.volumes.at(0).given_name == "my-" + project.name + "-data");
    directory.write(".env", "COMPOSE_PROJECT_NAME=by-dot-env\n");
    project = load_yaml(directory, text);
    CHECK(project.name == "by-dot-env");
    CHECK(project.services.at(0).request.image == "x:by-dot-env");
    directory.environment = {{"NAMED", "by-variable"}};
    project = load_yaml(directory, "name: ${NAMED}\n" + text);
    CHECK(project.name == "by-variable");
    CHECK(project.services.at(0).request.image == "x:by-variable");
}

TEST_CASE("an image in another file makes up for what would have to be built") {
    const ProfileDirectory directory;
    directory.write("compose.override.yaml", "services: {a: {image: made-elsewhere}}\n");
    const Project project = load_yaml(directory, "services: {a: {build: .}, b: {build: .}}\n");
    CHECK_FALSE(project.find_service("a")->refused);
    CHECK(project.find_service("b")->refused);
}

TEST_CASE("a config and a secret may have one name, and lie where compose puts them") {
    const ProfileDirectory directory;
    const Project project = load_yaml(directory, R"(
services:
  a:
    image: x
    secrets: [same]
    configs: [same, { source: other, target: etc/other }]
secrets: { same: { environment: S } }
configs: { same: { content: c }, other: { content: o } }
)");
    const auto& uses = project.services.at(0).secrets;
    REQUIRE(uses.size() == 3);
    CHECK(uses[0].target == "/run/secrets/same");
    CHECK_FALSE(uses[0].is_config);
    CHECK(uses[1].target == "/same");
    CHECK(uses[2].target == "/etc/other");
    const auto files = memory_files_of(project, project.services[0]);
    CHECK_FALSE(files.at(0).content);
    CHECK(files.at(1).content == "c");
    CHECK(resolved_toml(project).find("[configs.same]") != std::string::npos);
    CHECK(resolved_toml(project).find("[secrets.same]") != std::string::npos);
}

TEST_CASE("what goes to one place in the container is there once, as the later file says") {
    const ProfileDirectory directory;
    directory.write("compose.override.yaml", R"(
services:
  a:
    devices: ["/dev/one:/dev/x"]
    secrets: [{ source: s, mode: "0400" }, { source: t, target: /run/secrets/other }]
    configs: [{ source: c, target: /c, mode: "0400" }]
    logging: { driver: json-file, options: { max-file: "2" } }
)");
    const Project project = load_yaml(directory, R"(
services:
  a:
    image: x
    devices: ["/dev/x", "/dev/y"]
    secrets: [s, other]
    configs: [c]
    logging: { driver: local, options: { max-size: 1m } }
secrets: { s: { content: s }, t: { content: t }, other: { content: o } }
configs: { c: { content: c } }
)");
    const Service& a = project.services.at(0);
    CHECK(a.request.devices == Texts{"/dev/one:/dev/x", "/dev/y"});
    REQUIRE(a.secrets.size() == 3);
    CHECK(a.secrets[0].mode == 0400);
    CHECK(a.secrets[1].secret == "t");
    CHECK(a.secrets[2].mode == 0400);
    CHECK(a.request.log_options == Texts{"max-file=2"});
}

TEST_CASE("external names in the old form are names") {
    const ProfileDirectory directory;
    const Project project = load_yaml(directory, R"(
services: {a: {image: x, networks: [n], volumes: ["v:/v"]}}
networks: {n: {external: {name: theirs}}}
volumes: {v: {external: {name: data}}}
)");
    CHECK(project.find_network("n")->external);
    CHECK(project.find_network("n")->given_name == "theirs");
    CHECK(project.volumes.at(0).external);
    CHECK(project.volumes.at(0).given_name == "data");
}

TEST_CASE("aliases within aliases do not eat the machine") {
    ProfileDirectory directory;
    std::string text = "x-a: &a [1,2,3,4,5,6,7,8,9,10]\n";
    for (char name = 'b'; name < 'k'; ++name) {
        const std::string before = std::string("*") + static_cast<char>(name - 1);
        std::string list = before;
        for (int i = 0; i < 9; ++i) list += ", " + before;
        text += std::string("x-") + name + ": &" + name + " [" + list + "]\n";
    }
    CHECK(failure(directory, text).find("aliases within aliases") != std::string::npos);
}

TEST_CASE("scalars have the types of YAML's core schema") {
    ProfileDirectory directory;
    const Project project = load_yaml(directory, R"(
services:
  a:
    image: x
    environment: { A: 1, B: true, C: 1.5, D: "07", E: yes, F: 0644, G: 1e3, H: 12:34 }
)");
    CHECK(project.services[0].request.env ==
          Texts{"A=1", "B=true", "C=1.5", "D=07", "E=yes", "F=420", "G=1000", "H=12:34"});
}

// The same project, whether the file is read directly or through the profile written from it.
TEST_CASE("init --from writes a profile that means the same") {
    ProfileDirectory directory;
    directory.environment = {{"PASSED", "through"}};
    const Project direct = load_yaml(directory, kCompose);
    const ComposeImport import = import_compose(directory.path() + "/compose.yaml", "compose.yaml");
    CHECK(import.refused.empty());
    CHECK_FALSE(import.changed.empty());
    INFO(import.toml);
    const Project through = directory.load_text(import.toml);
    REQUIRE(through.services.size() == direct.services.size());
    for (size_t i = 0; i < direct.services.size(); ++i) {
        const Service& one = direct.services[i];
        const Service& other = through.services[i];
        CAPTURE(one.name);
        CHECK(one.name == other.name);
        CHECK(one.request.image == other.request.image);
        CHECK(one.request.env == other.request.env);
        CHECK(one.request.volumes == other.request.volumes);
        CHECK(one.request.command == other.request.command);
        CHECK(one.request.publish == other.request.publish);
        CHECK(one.request.restart == other.request.restart);
        CHECK(one.scale == other.scale);
        CHECK(one.depends_on.size() == other.depends_on.size());
        CHECK(one.request.memory == other.request.memory);
        CHECK(one.healthcheck.has_value() == other.healthcheck.has_value());
        CHECK(one.networks.size() == other.networks.size());
    }
    CHECK(through.networks.size() == direct.networks.size());
}

}  // namespace
}  // namespace sandbox::project
