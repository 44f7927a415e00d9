// What compose files say by habit: taken where it can be, and else in the way of its service only.
#include <catch2/catch.hpp>

#include "sandbox/project/deployment.hpp"
#include "sandbox/project/resolved.hpp"
#include "sandbox/project/start_order.hpp"
#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

using Texts = std::vector<std::string>;

// Why service "a" cannot be made.
std::string refusal(const ProfileDirectory& directory, const std::string& text) {
    return failure_of([&] {
        const Project project = load_yaml(directory, text);
        PlanOptions options;
        options.names = {"a"};
        require_possible(project, options);
    });
}

TEST_CASE("a link is a dependency that waits for the start and restarts with the other") {
    ProfileDirectory directory;
    directory.environment = {{"DB", "db"}};
    const Project project = load_yaml(directory, R"(
services:
  web: { image: x, links: ["${DB}:mysql", cache], depends_on: { cache: { condition: service_healthy } } }
  db: { image: x }
  cache: { image: x }
)");
    const Service& web = *project.find_service("web");
    REQUIRE(web.depends_on.size() == 2);
    CHECK(web.depends_on[0].service == "cache");
    CHECK(web.depends_on[0].condition == Condition::healthy);
    CHECK(!web.depends_on[0].restart);
    CHECK(web.depends_on[1].service == "db");
    CHECK(web.depends_on[1].condition == Condition::started);
    CHECK(web.depends_on[1].restart);
    CHECK(project.find_service("db")->networks.at(0).aliases == Texts{"mysql"});
    CHECK(select_services(project, {{"web"}, {}, true}) == Texts{"web", "db", "cache"});
    CHECK(start_waves(project, {"web", "db", "cache"}).size() == 2);
}

TEST_CASE("a link stands beside a list of dependencies, and leads to a service that there is") {
    const ProfileDirectory directory;
    const Project project = load_yaml(directory, R"(
services:
  web: { image: x, depends_on: [db], links: [db, cache] }
  db: { image: x }
  cache: { image: x }
)");
    const Service& web = *project.find_service("web");
    REQUIRE(web.depends_on.size() == 2);
    CHECK(!web.depends_on[0].restart);
    CHECK(web.depends_on[1].service == "cache");
    CHECK(failure(directory, "services:\n  web: { image: x, links: [dv] }\n  db: { image: x }\n") ==
          "compose.yaml:2:28: service \"web\": no such service or task: \"dv\" (did you mean "
          "\"db\"?)");
}

TEST_CASE("a project in JSON is read again as it was") {
    const ProfileDirectory directory;
    const Project project = load_yaml(directory, R"(
services:
  a: { image: x, command: [sh, -c, "echo $$HOME $$$$"], environment: { A: "x$$y" } }
)");
    const std::string text = resolved_json(project);
    CHECK(text.find("echo $$HOME $$$$") != std::string::npos);
    directory.write("again.json", text);
    const Project again = directory.load({"again.json"});
    CHECK(again.services.at(0).request.command == Texts{"sh", "-c", "echo $HOME $$"});
    CHECK(again.services.at(0).request.env == Texts{"A=x$y"});
    CHECK(resolved_json(again) == text);
}

TEST_CASE("secrets may have names and labels; external ones stop who uses them") {
    const ProfileDirectory directory;
    const std::string rest = R"(
  b: { image: x, secrets: [here], configs: [c] }
secrets:
  here: { file: ./s, name: other, labels: { a: b }, external: false }
  far: { external: true, name: far }
  old: { external: { name: old } }
configs:
  c: { content: x, name: c, labels: [a=b] }
)";
    const std::string uses = "services:\n  a: { image: x, secrets: [far] }";
    CHECK(refusal(directory, uses + rest) ==
          "compose.yaml:6:3: secret \"far\" is external, and there is no store that could have it "
          "(say where it is: \"file\", \"environment\" or \"content\" instead of \"external\")");
    CHECK(refusal(directory, "services:\n  a: { image: x, secrets: [old] }" + rest)
              .starts_with("compose.yaml:7:3: secret \"old\" is external"));
    CHECK(refusal(directory, "services:\n  a: { image: x, secrets: [here] }" + rest) == "no error");
    const Project project = load_yaml(directory, uses + rest);
    CHECK(!project.find_service("b")->refused);
    CHECK(resolved_toml(project).find("external = true") != std::string::npos);
}

TEST_CASE("details of mounts are taken, or stand in the way of their service only") {
    const ProfileDirectory directory;
    const auto with = [](const std::string& mount) {
        return "services:\n  b: { image: x }\n  a:\n    image: x\n    volumes:\n      - " + mount +
               "\n";
    };
    const auto mounts = [&](const std::string& mount) {
        return load_yaml(directory, with(mount)).find_service("a")->request.mounts;
    };
    CHECK(mounts("{ type: volume, target: /v, volume: { labels: { a: b } } }") ==
          Texts{"type=volume,target=/v,volume-label=a=b"});
    CHECK(mounts("{ type: volume, source: n, target: /v, volume: { labels: [a=b] } }")
              .at(0)
              .find("label") == std::string::npos);
    CHECK(mounts("{ type: bind, source: /s, target: /v, bind: { recursive: disabled } }") ==
          Texts{"type=bind,source=/s,target=/v,bind-recursive=disabled,bind-create-src=true"});
    CHECK(mounts("{ type: bind, source: /s, target: /v, bind: { recursive: enabled } }").empty());
    CHECK(refusal(directory, with("{ type: volume, source: n, target: /v, volume: { subpath: d }"
                                  " }")) ==
          "compose.yaml:6:67: \"subpath\" of a mount cannot be done here (use the whole volume, or "
          "a volume for each part)");
    CHECK(refusal(directory, with("{ type: image, source: i, target: /v, image: { subpath: d } }"))
              .starts_with("compose.yaml:6:17: \"type: image\" of a mount cannot be done here"));
    CHECK(refusal(directory, with("{ type: bind, source: /s, target: /v, bind: { recursive: "
                                  "writable } }"))
              .find("\"recursive: writable\" of a mount cannot be done here") != std::string::npos);
}

TEST_CASE("what is written out of such mounts is read again as the same") {
    const ProfileDirectory directory;
    const Project project = load_yaml(directory, R"(
services:
  a:
    image: x
    volumes:
      - { type: volume, target: /v, volume: { nocopy: true, labels: { a: b } } }
      - { type: bind, source: /s, target: /w, bind: { recursive: disabled } }
)");
    directory.write("again.json", resolved_json(project));
    const Project again = directory.load({"again.json"});
    CHECK(again.services.at(0).request.mounts == project.services.at(0).request.mounts);
}

TEST_CASE("no limit of swap is a number, too") {
    const ProfileDirectory directory;
    const Project project =
        load_yaml(directory, "services: { a: { image: x, mem_limit: 64m, memswap_limit: -1 } }\n");
    CHECK(project.services.at(0).request.memory_swap == "-1");
}

TEST_CASE("behind compose every file is a compose file that is not called TOML") {
    ProfileDirectory directory;
    const std::string yaml = "services: { a: { image: x } }\n";
    directory.write("stack.yml.dist", yaml);
    directory.write("x.json", R"({"services": {"a": {"image": "x"}}})");
    directory.write("p.toml", "[services.a]\nimage = \"x\"\n");
    CHECK(directory.load({"x.json"}).services.size() == 1);
    CHECK(failure_of([&] { (void)directory.load({"stack.yml.dist"}); }) != "no error");
    directory.hears_compose = true;
    for (const char* file : {"stack.yml.dist", "x.json", "p.toml"}) {
        CHECK(directory.load({file}).services.size() == 1);
    }
}

TEST_CASE("what each container has of IPC is no wish in vain") {
    const ProfileDirectory directory;
    const auto with = [](const std::string& word) {
        return "services: { a: { image: x, ipc: \"" + word + "\" } }\n";
    };
    CHECK(refusal(directory, with("private")) == "no error");
    CHECK(refusal(directory, with("shareable")) == "no error");
    CHECK(refusal(directory, with("host")).starts_with("compose.yaml:1:28: \"services.a.ipc\" "));
}

TEST_CASE("a log driver that is not here stops its service, with its line") {
    const ProfileDirectory directory;
    const auto with = [](const std::string& word) {
        return "services:\n  a:\n    image: x\n    logging: { driver: " + word + " }\n";
    };
    CHECK(refusal(directory, with("json-file")) == "no error");
    CHECK(refusal(directory, with("none")) == "no error");
    CHECK(refusal(directory, with("syslog")) ==
          "compose.yaml:4:24: there is no log driver \"syslog\" here (logs are kept in files: use "
          "local, k8s-file, json-file or none)");
}

TEST_CASE("a host may have several addresses") {
    const ProfileDirectory directory;
    const Project project = load_yaml(
        directory,
        "services: { a: { image: x, extra_hosts: { h: [10.0.0.1, \"::1\"], g: 10.0.0.2 } } }\n");
    CHECK(project.services.at(0).request.add_host == Texts{"h=10.0.0.1", "h=::1", "g=10.0.0.2"});
}

}  // namespace
}  // namespace sandbox::project
