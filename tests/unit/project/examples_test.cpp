// Every example in profiles/ loads, without a notice, and comes out of `config` as it went in.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "sandbox/project/resolved.hpp"
#include "sandbox/project/start_order.hpp"
#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

std::vector<std::string> examples() {
    std::set<std::string> files;
    for (const auto& entry : std::filesystem::directory_iterator(SANDBOX_SOURCE_DIR "/profiles")) {
        files.insert(entry.path().string() + "/sandbox.toml");
    }
    return {files.begin(), files.end()};
}

Project load_file(const std::string& file) {
    LoadOptions options;
    options.files = {file};
    options.current_dir = file.substr(0, file.rfind('/'));
    options.environment = [](const std::string&) { return std::nullopt; };
    return load_project(options);
}

TEST_CASE("every example loads without a notice and has an order of start") {
    REQUIRE(examples().size() >= 10);
    for (const std::string& file : examples()) {
        CAPTURE(file);
        const Project project = load_file(file);
        CHECK(project.notices.empty());
        CHECK_FALSE(start_waves(project, select_services(project, {{}, {"*"}, true})).empty());
    }
}

TEST_CASE("files that an example binds are there") {
    for (const std::string& file : examples()) {
        const Project project = load_file(file);
        for (const Service& service : project.services) {
            for (const std::string& volume : service.request.volumes) {
                if (!volume.starts_with("/") || !volume.ends_with(":ro")) continue;
                CAPTURE(file, volume);
                CHECK(std::filesystem::exists(volume.substr(0, volume.find(':'))));
            }
        }
    }
}

TEST_CASE("what config writes is a profile that means the same") {
    ProfileDirectory directory;
    for (const std::string& file : examples()) {
        const Project project = load_file(file);
        const std::string text = resolved_toml(project);
        CAPTURE(file, text);
        const Project again = directory.load_text(text);
        REQUIRE(again.services.size() == project.services.size());
        for (size_t i = 0; i < project.services.size(); ++i) {
            CHECK(service_hash(project, project.services[i]) ==
                  service_hash(again, again.services[i]));
        }
        CHECK(base::json::dump(resolved_project(again), 2) ==
              base::json::dump(resolved_project(project), 2));
    }
}

TEST_CASE("a service's hash changes with what its container is made of, and with nothing else") {
    ProfileDirectory directory;
    const auto hash = [&](const std::string& more) {
        const Project project = directory.load_text("[services.a]\nimage = \"x\"\n" + more +
                                                    "\n[services.b]\nimage = \"y\"\n");
        return service_hash(project, project.services[0]);
    };
    const std::string plain = hash("");
    CHECK(hash("") == plain);
    CHECK(hash("scale = 3") == plain);
    CHECK(hash("depends_on = [\"b\"]") == plain);
    CHECK(hash("environment = { A = \"1\" }") != plain);
    CHECK(hash("ports = [80]") != plain);
    CHECK(hash("command = [\"x\"]") != plain);
    CHECK(hash("restart = \"always\"") != plain);
}

}  // namespace
}  // namespace sandbox::project
