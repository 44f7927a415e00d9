#include "sandbox/project/file_watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>

#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

using Texts = std::vector<std::string>;

struct Watched {
    Watched() {
        make("src");
        make("src/deep");
        directory.write("src/a", "1");
        directory.write("settings", "1");
        project = directory.load_text(R"(
[services.web]
image = "x"
watch = [{ path = "./src", action = "sync", target = "/app", ignore = ["*.tmp", "deep/skipped", "node_modules/"] }]
[services.other]
image = "x"
watch = ["./settings"]
)");
    }
    void make(const std::string& name) const {
        base::make_dir_at(AT_FDCWD, directory.path() + "/" + name, 0755);
    }
    // As "web: src/a src/b; other: settings", once it has come to rest.
    [[nodiscard]] std::string changes(FileWatcher& watcher, int seconds = 5) const {
        std::string text;
        for (int i = 0; i < seconds * 50; ++i) {
            for (const WatchChange& change : watcher.take()) {
                text += (text.empty() ? "" : "; ") + change.service->name + ":";
                for (const std::string& path : change.paths) {
                    text += " " + path.substr(directory.path().size() + 1);
                }
            }
            if (!text.empty()) return text;
            pollfd wait{watcher.fd(), POLLIN, 0};
            (void)::poll(&wait, 1, 20);
        }
        return "nothing";
    }
    ProfileDirectory directory;
    Project project;
};

TEST_CASE("changes of one save come as one, of the service whose file it is") {
    const Watched fixture;
    FileWatcher watcher(fixture.project, {"web", "other"});
    REQUIRE_FALSE(watcher.is_empty());
    CHECK(watcher.take().empty());
    fixture.directory.write("src/a", "2");  // beside it and renamed, as editors do
    fixture.directory.write("settings", "2");
    const std::string seen = fixture.changes(watcher);
    CHECK(seen.find("web: ") == 0);
    CHECK(seen.find("src/a") != std::string::npos);
    CHECK(seen.find("; other: settings") != std::string::npos);
    CHECK(watcher.take().empty());
}

TEST_CASE("a new directory is watched with all that is in it already, a removed one is told") {
    const Watched fixture;
    FileWatcher watcher(fixture.project, {"web"});
    const std::string top = fixture.directory.path() + "/";
    fixture.make("src/new");
    fixture.make("src/new/er");
    fixture.directory.write("src/new/er/file", "1");
    CHECK(fixture.changes(watcher).find("src/new src/new/er src/new/er/file") != std::string::npos);
    fixture.directory.write("src/new/er/file", "2");
    CHECK(fixture.changes(watcher).find("src/new/er/file") != std::string::npos);
    REQUIRE(std::rename((top + "src/new").c_str(), (top + "gone").c_str()) == 0);
    CHECK(fixture.changes(watcher) == "web: src/new");
    fixture.directory.write("gone/er/file", "3");
    fixture.directory.write("src/a", "3");
    CHECK(fixture.changes(watcher).find("gone") == std::string::npos);
}

TEST_CASE("a file that is made where a watched one was is the watched one") {
    const Watched fixture;
    FileWatcher watcher(fixture.project, {"other"});
    const std::string file = fixture.directory.path() + "/settings";
    REQUIRE(::unlink(file.c_str()) == 0);
    CHECK(fixture.changes(watcher) == "other: settings");
    fixture.directory.write("settings", "new");
    CHECK(fixture.changes(watcher) == "other: settings");
    fixture.directory.write("beside", "x");
    CHECK(watcher.take().empty());
}

TEST_CASE("what is ignored does not count, at any depth") {
    const Watched fixture;
    const Watch& watch = fixture.project.services[0].watch[0];
    for (const char* path : {"x.tmp", "deep/x.tmp", "deep/skipped", "deep/skipped/a", ".git/index",
                             "node_modules/a/b", "deep/node_modules/a", "a~", ".a.swp"}) {
        CAPTURE(path);
        CHECK(is_ignored(watch, path));
    }
    for (const char* path : {"a", "deep/a", "skipped", "tmp", "x.tmp.c", "deep/deep/skipped"}) {
        CAPTURE(path);
        CHECK_FALSE(is_ignored(watch, path));
    }
}

TEST_CASE("a path that is not there is an error with the service's place") {
    const ProfileDirectory directory;
    const Project project =
        directory.load_text("[services.a]\nimage = \"x\"\nwatch = [\"./no\"]\n");
    CHECK_THROWS_WITH(FileWatcher(project, {"a"}),
                      Catch::Contains("sandbox.toml:1: watch: no such file or directory"));
    CHECK(FileWatcher(project, {}).is_empty());
}

}  // namespace
}  // namespace sandbox::project
