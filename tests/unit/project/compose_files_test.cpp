// Compose files that name further files.
#include <catch2/catch.hpp>

#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("extends of another file starts that file's relative paths there") {
    ProfileDirectory directory;
    directory.environment = {{"TAG", "7"}, {"WHERE", "common"}};
    base::make_dirs(directory.path() + "/common/deep", 0755);
    directory.write("common/a.env", "FROM=common\n");
    directory.write("common/base.yaml", R"(
services:
  web:
    extends: { file: deep/root.yaml, service: root }
    env_file: a.env
    volumes: ["./data:/data", "named:/n"]
    environment: { A: base, B: base }
    deploy: { resources: { limits: { memory: 64m } } }
    depends_on: { db: { condition: service_healthy } }
    ports: ["127.0.0.1:80:80"]
  other: { extends: nowhere }
)");
    directory.write("common/deep/root.yaml", R"(
services:
  root:
    image: "x:${TAG}"
    label_file: labels
    command: [root]
    cap_add: [CHOWN]
)");
    const Project project = load_yaml(directory, R"(
services:
  db: { image: db }
  web:
    extends: { file: "${WHERE}/base.yaml", service: web }
    env_file: mine.env
    volumes: ["./mine:/mine", "./over:/data"]
    environment: [A=mine]
    deploy: { replicas: 2 }
    command: [mine]
    ports: ["127.0.0.1:81:81"]
)");
    const Service& web = *project.find_service("web");
    const std::string& top = directory.path();
    CHECK(web.request.image == "x:7");
    CHECK(web.request.label_files == Texts{top + "/common/deep/labels"});
    CHECK(web.request.volumes ==
          Texts{top + "/over:/data", project.name + "_named:/n", top + "/mine:/mine"});
    CHECK(web.request.env == Texts{"A=mine", "B=base"});
    CHECK(web.file_env.at("FROM") == "common");
    CHECK(web.request.memory == "64m");
    CHECK(web.scale == 2);
    CHECK(web.request.command == Texts{"mine"});
    CHECK(web.request.cap_add == Texts{"CHOWN"});
    CHECK(web.request.publish == Texts{"127.0.0.1:80:80", "127.0.0.1:81:81"});
    CHECK(web.depends_on.at(0).condition == Condition::healthy);
    REQUIRE(web.refused);
    CHECK(web.refused->message() == "compose.yaml:6:15: no such file: \"" + top + "/mine.env\"");
}

TEST_CASE("what extends cannot find is told with its place and stops its own service alone") {
    ProfileDirectory directory;
    base::make_dirs(directory.path() + "/sub", 0755);
    directory.write("sub/b.yaml", R"(
services:
  b: { extends: { file: ../compose.yaml, service: a } }
  deep: { image: x, extends: { file: missing.yaml, service: s } }
)");
    const Project project = load_yaml(directory, R"(
services:
  a: { image: x, extends: { file: sub/b.yaml, service: b } }
  c: { image: x, extends: { file: sub/b.yaml, service: dep } }
  d: { image: x, extends: { file: sub/b.yaml, service: deep } }
  e: { image: x, extends: { file: sub/b.yaml, servce: deep } }
  f: { image: x, extends: d }
  good: { image: x }
)");
    const auto refusal = [&](const char* name) {
        const auto& refused = project.find_service(name)->refused;
        return refused ? refused->with_hint() : "none";
    };
    CHECK(refusal("a") ==
          "compose.yaml:3:56: \"a\" extends itself: a (compose.yaml) → b (sub/b.yaml) → a (one of "
          "them must stand by itself)");
    CHECK(
        refusal("c") ==
        "compose.yaml:4:56: there is no service \"dep\" in \"sub/b.yaml\" to extend (did you mean "
        "\"deep\"?)");
    const std::string missing = "sub/b.yaml:4:38: no such file: \"" + directory.path() +
                                "/sub/missing.yaml\" (make it, or correct the path)";
    CHECK(refusal("d") == missing);
    CHECK(refusal("f") == missing);
    CHECK(refusal("e") ==
          "compose.yaml:6:47: unknown key \"servce\" in extends (known are service and file)");
    CHECK(refusal("good") == "none");
}

TEST_CASE("extends goes no circle, and lacks what its base lacks") {
    const ProfileDirectory directory;
    const Project project = load_yaml(directory, R"(
services:
  a: { extends: b }
  b: { image: x, extends: { file: other.yml, service: s } }
  c: { image: x, extends: d }
  d: { image: x, extends: c }
  e: { image: x }
)");
    for (const char* name : {"a", "b", "c", "d"}) {
        CAPTURE(std::string(name));
        CHECK(project.find_service(name)->refused);
    }
    CHECK_FALSE(project.find_service("e")->refused);
}

TEST_CASE("a file that is not there is told with what may have named it") {
    const ProfileDirectory directory;
    try {
        (void)directory.load({"nosuch.yaml"});
        FAIL("loaded");
    } catch (const base::Error& error) {
        CHECK(error.with_hint() ==
              "no such file or directory: \"nosuch.yaml\" (correct -f, or COMPOSE_FILE of the "
              "environment or of .env)");
    }
}

TEST_CASE("included files have paths and variables of their own, below those of who includes") {
    ProfileDirectory directory;
    directory.environment = {{"SET", "outside"}};
    for (const char* each : {"/a/deep", "/b", "/elsewhere"}) {
        base::make_dirs(directory.path() + each, 0755);
    }
    directory.write(".env", "TOP=top\nBOTH=top\n");
    directory.write("a/.env", "BOTH=a\nA=a\nSET=a\nGIVEN=a\n");
    directory.write("a/compose.yaml", R"(
name: not-this
include: [deep/d.yaml]
services:
  a:
    image: "x:${TOP}-${BOTH}-${A}-${SET}"
    volumes: ["./data:/data"]
    environment: [GIVEN]
    secrets: [s]
networks: { n: { internal: true } }
secrets: { s: { environment: A } }
volumes: { v: { name: "v-${A}" } }
)");
    directory.write("a/deep/.env", "A=deep\nDEEP=deep\n");
    directory.write("a/deep/d.yaml",
                    "services: {d: {image: \"y:${A}-${DEEP}\", volumes: [\"./d:/d\"]}}\n");
    directory.write("b/one.yaml", "services: {b: {image: \"x:${B}\", volumes: [\"./one:/1\"]}}\n");
    directory.write("b/two.yaml",
                    "services: {b: {command: [two], volumes: !override [\"./two:/2\"], "
                    "cap_add: [CHOWN]}}\n");
    directory.write("b.env", "B=from-b.env\n");
    directory.write("compose.override.yaml",
                    "services: {a: {scale: 2, volumes: [\"./mine:/m\"]}}\n");
    const Project project = load_yaml(directory, R"(
include:
  - ${DIR:-a}/compose.yaml
  - path: [b/one.yaml, b/two.yaml]
    project_directory: elsewhere
    env_file: b.env
services:
  own: { image: z, networks: [n], depends_on: [d] }
)");
    const std::string& top = directory.path();
    CHECK(project.name != "not-this");
    const Service& a = *project.find_service("a");
    CHECK(a.request.image == "x:top-top-a-outside");
    CHECK(a.request.volumes == Texts{top + "/a/data:/data", top + "/mine:/m"});
    CHECK(a.request.env == Texts{"GIVEN=a"});
    CHECK(a.scale == 2);
    CHECK(project.secrets.at(0).value == "a");
    CHECK(project.find_volume("v")->given_name == "v-a");
    const Service& d = *project.find_service("d");
    CHECK(d.request.image == "y:a-deep");
    CHECK(d.request.volumes == Texts{top + "/a/deep/d:/d"});
    const Service& b = *project.find_service("b");
    CHECK(b.request.image == "x:from-b.env");
    CHECK(b.request.volumes == Texts{top + "/elsewhere/two:/2"});
    CHECK(b.request.command == Texts{"two"});
    CHECK(project.find_network("n")->internal);
    CHECK(project.find_service("own")->networks.at(0).network == "n");
    CHECK(project.notices.empty());
}

TEST_CASE("what two files describe otherwise is an error that names both places") {
    const ProfileDirectory directory;
    base::make_dirs(directory.path() + "/a", 0755);
    base::make_dirs(directory.path() + "/b", 0755);
    directory.write("common.yaml",
                    "services: {c: {image: x, volumes: [\"./d:/d\"]}}\nvolumes: {data: }\n");
    directory.write("a/a.yaml", "include: [../common.yaml]\nservices: {a: {image: x}}\n");
    directory.write("b/b.yaml", "include: [../common.yaml]\nvolumes: {data: }\n");
    CHECK(failure(directory, "include: [a/a.yaml, b/b.yaml]\nservices: {z: {image: x}}\n") ==
          "no error");
    CHECK(
        failure(directory, "include:\n- a/a.yaml\nservices:\n  a: {image: y}\n") ==
        "compose.yaml:4:3: service \"a\" is another one in the included a/a.yaml:2 (rename one of "
        "them, or change the included one in a further file that -f names)");
    CHECK(failure(directory,
                  "include:\n- common.yaml\nservices:\n  c: {image: x, volumes: [\"./d:/d\"]}\n") ==
          "no error");
    // The same words that mean another directory.
    directory.write("b/b.yaml", "services: {c: {image: x, volumes: [\"./d:/d\"]}}\n");
    CHECK_THAT(failure(directory, "include: [common.yaml, b/b.yaml]\n"),
               Catch::StartsWith("common.yaml:1:12: service \"c\" is another one in the included "
                                 "b/b.yaml:1 "));
    directory.write("a/a.yaml", "volumes: {data: {name: other}}\n");
    CHECK_THAT(failure(directory, "include: [common.yaml, a/a.yaml]\n"),
               Catch::StartsWith("common.yaml:2:11: volume \"data\" is another one in the included "
                                 "a/a.yaml:1 "));
}

TEST_CASE("an include in vain or in a circle is told with its place") {
    const ProfileDirectory directory;
    base::make_dirs(directory.path() + "/a", 0755);
    directory.write("a/a.yaml", "include:\n  - path: ../compose.yaml\n");
    CHECK(failure(directory, "include: [a/a.yaml]\n") ==
          "a/a.yaml:2:5: files include each other in a circle: compose.yaml → a/a.yaml → "
          "compose.yaml (take one include out)");
    CHECK(failure(directory, "include: [none.yaml]\n") ==
          "compose.yaml:1:11: no such file: \"" + directory.path() +
              "/none.yaml\" (make it, or correct the path)");
    CHECK(
        failure(directory, "include: [https://example.com/x.git]\n") ==
        "compose.yaml:1:11: \"https://example.com/x.git\" is not a path of this machine (fetch it, "
        "and name the file)");
    CHECK(
        failure(directory, "include: [{pth: x}]\n") ==
        "compose.yaml:1:12: unknown key \"pth\" in include (known are path, project_directory and "
        "env_file)");
    CHECK(failure(directory, "include: [{env_file: compose.yaml}]\n") ==
          "compose.yaml:1:11: include names no file (write - path: FILE)");
    CHECK(failure(directory, "include: a/a.yaml\n") ==
          "compose.yaml:1:10: include: expected a list of files, found text");
    CHECK(failure(directory, "include: [a]\n") ==
          "compose.yaml:1:11: read \"" + directory.path() +
              "/a\": not a regular file (name a compose file)");
    directory.write("a/a.yaml", "sevices: {}\n");
    CHECK(failure(directory, "include: [a/a.yaml]\n") ==
          "a/a.yaml:1:1: unknown key \"sevices\" in a compose file (did you mean \"services\"?)");
    directory.write("a/a.yaml", "models: {m: {}}\n");
    CHECK(failure(directory, "include: [a/a.yaml]\n") ==
          "a/a.yaml:1:1: \"models\" cannot be done here (there are no models here)");
    directory.write("a/a.yaml", "just text\n");
    CHECK(failure(directory, "include: [a/a.yaml]\n") ==
          "a/a.yaml:1:1: not a compose file (a compose file has services:)");
}

TEST_CASE("extending something large again and again does not eat the machine") {
    const ProfileDirectory directory;
    std::string text = "services:\n  big: { image: x, x-list: [0";
    for (int i = 0; i < 40'000; ++i) text += ",1";
    text += "] }\n";
    for (int i = 0; i < 40; ++i) text += "  s" + std::to_string(i) + ": { extends: big }\n";
    const Project project = load_yaml(directory, text);
    CHECK_FALSE(project.find_service("s1")->refused);
    REQUIRE(project.find_service("s39")->refused);
    CHECK(project.find_service("s39")->refused->with_hint() ==
          "compose.yaml:42:19: what is extended is too much to be written out (at most 1000000 "
          "values)");
}

TEST_CASE("a later compose file takes away what an earlier one asks for in vain") {
    const ProfileDirectory directory;
    directory.write("compose.override.yaml", R"(
services:
  a:
    image: x
    build: !reset null
    pid: !reset null
    ports: !override ["127.0.0.1:81:81"]
    environment: { FOO: !reset null }
    deploy: { resources: { reservations: { devices: !reset [] }, limits: { memory: 1g } } }
    healthcheck: !reset
  gone: !reset null
  kept:
volumes: { v: }
models: !reset {}
)");
    const std::string text = R"(
services:
  a:
    build: .
    pid: host
    ports: ["127.0.0.1:80:80"]
    environment: { FOO: foo, BAR: bar }
    deploy: { replicas: 2, resources: { reservations: { devices: [{ driver: nvidia }] } } }
    healthcheck: { test: [NONE] }
  gone: { image: y, ipc: host }
  kept: { image: z, volumes: ["v:/v"] }
volumes: { v: { name: named } }
models: { m: {} }
)";
    const Project project = load_yaml(directory, text);
    CHECK(project.find_service("gone") == nullptr);
    const Service& a = *project.find_service("a");
    CHECK_FALSE(a.refused);
    CHECK(a.request.publish == Texts{"127.0.0.1:81:81"});
    CHECK(a.request.env == Texts{"BAR=bar"});
    CHECK(a.request.memory == "1g");
    CHECK(a.scale == 2);
    CHECK_FALSE(a.healthcheck);
    // "key:" alone says nothing.
    CHECK(project.find_service("kept")->request.image == "z");
    CHECK(project.find_volume("v")->given_name == "named");
    CHECK(project.notices.empty());
}

TEST_CASE("a reset lifts nothing that comes after it, and takes from a profile, too") {
    const ProfileDirectory directory;
    directory.write("one.yaml",
                    "services: {a: {image: x, pid: !reset null, command: !reset null}}\n");
    directory.write("two.yaml", "services: {a: {pid: host}}\n");
    directory.write("sandbox.toml", "[services.a]\nimage = \"y\"\ncommand = [\"c\"]\n");
    CHECK_FALSE(directory.load({"two.yaml", "one.yaml"}).services.at(0).refused);
    CHECK(directory.load({"one.yaml", "two.yaml"}).services.at(0).refused);
    const Project mixed = directory.load({"sandbox.toml", "one.yaml"});
    CHECK(mixed.services.at(0).request.image == "x");
    CHECK(mixed.services.at(0).request.command.empty());
    CHECK_FALSE(mixed.services.at(0).refused);
}

TEST_CASE("what is said beside deploy must be what deploy says") {
    const ProfileDirectory directory;
    directory.write("compose.override.yaml", "services: {a: {mem_limit: 512m, scale: 2}}\n");
    const auto refused = [&](const std::string& deploy) {
        const Project project =
            load_yaml(directory, "services: {a: {image: x, deploy: " + deploy + "}}\n");
        const auto& why = project.services.at(0).refused;
        return why ? why->with_hint() : "none";
    };
    CHECK(refused("{replicas: 2, resources: {limits: {memory: 536870912}}}") == "none");
    CHECK(refused("{replicas: \"${N:-2}\", resources: {limits: {memory: 512M}}}") == "none");
    CHECK(refused("{replicas: 3}") ==
          "compose.override.yaml:1:33: service \"a\": \"scale\" is not what deploy says in "
          "compose.yaml:1 (keep one of them)");
    CHECK(refused("{resources: {limits: {memory: 1g}}}") ==
          "compose.override.yaml:1:16: service \"a\": \"mem_limit\" is not what deploy says in "
          "compose.yaml:1 (keep one of them)");
}

TEST_CASE("COMPOSE_FILE of .env names the files where it is heard, below the environment and -f") {
    ProfileDirectory directory;
    base::make_dirs(directory.path() + "/sub", 0755);
    directory.write(".env",
                    "COMPOSE_FILE=sub/one.yaml,two.yaml\nCOMPOSE_PATH_SEPARATOR=,\nTAG=top\n");
    directory.write("sub/.env", "TAG=sub\nOTHER=sub\nCOMPOSE_PROFILES=g\n");
    directory.write("sub/one.yaml",
                    "services: {a: {image: \"x:${TAG}-${OTHER}\", volumes: [./d:/d]}}\n");
    directory.write("two.yaml", "services: {b: {image: y}}\n");
    directory.write("three.yaml", "services: {c: {image: z}}\n");
    directory.write("compose.yaml", "services: {own: {image: w}}\n");
    const auto names = [&](Texts files = {}) {
        Texts result;
        for (const Service& each : directory.load(std::move(files)).services) {
            result.push_back(each.name);
        }
        return result;
    };
    CHECK(names() == Texts{"own"});
    directory.hears_compose = true;
    CHECK(names() == Texts{"a", "b"});
    const Project project = directory.load();
    CHECK(project.directory == directory.path() + "/sub");
    CHECK(project.services.at(0).request.image == "x:top-sub");
    CHECK(project.services.at(0).request.volumes == Texts{directory.path() + "/sub/d:/d"});
    CHECK(project.dotenv_groups == "g");
    directory.environment = {{"COMPOSE_FILE", "two.yaml,three.yaml"}};
    CHECK(names() == Texts{"b", "c"});
    CHECK(names({"three.yaml"}) == Texts{"c"});
    directory.environment["COMPOSE_PATH_SEPARATOR"] = ";;";
    directory.environment["COMPOSE_FILE"] = "three.yaml;;two.yaml";
    CHECK(names() == Texts{"c", "b"});
    directory.environment["SANDBOX_FILE"] = "two.yaml";
    CHECK(names() == Texts{"b"});
    directory.environment = {{"COMPOSE_FILE", ""}};
    CHECK(names() == Texts{"own"});
}

TEST_CASE("any of compose's names for an override is taken beside any of its files") {
    const ProfileDirectory directory;
    directory.write("compose.override.yml", "services: {a: {command: [over]}}\n");
    CHECK(load_yaml(directory, "services: {a: {image: x}}\n").services.at(0).request.command ==
          Texts{"over"});
}

}  // namespace
}  // namespace sandbox::project
