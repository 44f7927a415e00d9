// What a compose file includes, beside compose_files_test.cpp.
#include <catch2/catch.hpp>

#include "unit/project/merge_fixture.hpp"

namespace sandbox::project {
namespace {

TEST_CASE("a service extends one that its file includes") {
    const ProfileDirectory directory;
    base::make_dirs(directory.path() + "/sub", 0755);
    directory.write("sub/common.yaml",
                    "services: {base: {image: x, volumes: [\"./d:/d\"]}, "
                    "bad: {image: x, extends: none}}\n");
    const Project project = load_yaml(
        directory,
        "include: [sub/common.yaml]\nservices:\n  a: {extends: {service: base}, command: [c]}\n"
        "  b: {extends: bad}\n");
    const Service& a = *project.find_service("a");
    CHECK(a.request.image == "x");
    CHECK(a.request.volumes == Texts{directory.path() + "/sub/d:/d"});
    CHECK(a.request.command == Texts{"c"});
    REQUIRE(project.find_service("b")->refused);
    CHECK_THAT(project.find_service("b")->refused->message(),
               Catch::StartsWith("sub/common.yaml:1:76: there is no service \"none\""));
    // Once it is written out, it is the same.
    directory.write("again.yaml", "services: {a: {image: x, command: [c]}}\n");
    CHECK(failure(directory,
                  "include: [again.yaml]\nservices:\n  base: {image: x}\n  a: {extends: base, "
                  "command: [c]}\n") == "no error");
}

TEST_CASE("each service that extends one of a file that is no YAML is told so") {
    const ProfileDirectory directory;
    directory.write("bad.yaml", "services: {a: [\n");
    const Project project =
        load_yaml(directory,
                  "services:\n  a: {image: x, extends: {file: bad.yaml, service: a}}\n"
                  "  b: {image: x, extends: {file: bad.yaml, service: b}}\n");
    const auto& first = project.find_service("a")->refused;
    const auto& second = project.find_service("b")->refused;
    REQUIRE(first);
    REQUIRE(second);
    CHECK_THAT(first->message(), Catch::StartsWith("bad.yaml:"));
    CHECK(second->message() == first->message());
}

TEST_CASE("a file of comments adds nothing, unless there is nothing else") {
    const ProfileDirectory directory;
    directory.write("compose.override.yaml", "# nothing yet\n");
    directory.write("one.yaml", "# none\n");
    directory.write("two.yaml", "services: {a: {image: x}}\n");
    CHECK(failure(directory, "include: [{path: [one.yaml, two.yaml]}]\n") == "no error");
    CHECK(directory.load({"one.yaml", "two.yaml"}).services.size() == 1);
    CHECK(failure(directory, "include: [one.yaml]\n") ==
          "one.yaml: not a compose file (a compose file has services:)");
    CHECK(failure(directory, "# nothing\n") ==
          "compose.yaml: not a compose file (a compose file has services:)");
}

TEST_CASE("a directory of the name .env is no file of variables") {
    const ProfileDirectory directory;
    base::make_dirs(directory.path() + "/.env", 0755);
    base::make_dirs(directory.path() + "/sub/.env", 0755);
    directory.write("sub/s.yaml", "services: {s: {image: x}}\n");
    CHECK(failure(directory, "include: [sub/s.yaml]\n") == "no error");
}

TEST_CASE("a volume without words is the same as one with an empty table") {
    const ProfileDirectory directory;
    directory.write("s.yaml", "services: {s: {image: x}}\nvolumes: {data: {}, more: }\n");
    CHECK(failure(directory, "include: [s.yaml]\nvolumes: {data: , more: {}}\n") == "no error");
    CHECK_FALSE(failure(directory, "include: [s.yaml]\nvolumes: {data: {name: n}}\n") ==
                "no error");
}

TEST_CASE("files that include each other without end are bounded in depth and in bytes") {
    const ProfileDirectory directory;
    for (int i = 0; i < 102; ++i) {
        const std::string name = "f" + std::to_string(i) + ".yaml";
        directory.write(name, "include: [f" + std::to_string(i + 1) + ".yaml]\n");
    }
    directory.write("f102.yaml", "services: {last: {image: x}}\n");
    CHECK(failure(directory, "include: [f1.yaml]\n") ==
          "f100.yaml:1:11: include goes too deep (at most 100 files, one within the other)");
    CHECK(failure(directory, "include: [f3.yaml]\n") == "no error");

    std::string variables;
    while (variables.size() < (4u << 20) - 100) variables += "#" + std::string(90, 'x') + "\n";
    directory.write("big.env", variables + "A=1\n");
    std::string text = "include:\n";
    for (int i = 0; i < 17; ++i) text += "- {path: f102.yaml, env_file: big.env}\n";
    CHECK(failure(directory, text) ==
          "big.env: the project's files have more than 64 MiB together (files that are named again "
          "count again)");
}

}  // namespace
}  // namespace sandbox::project
