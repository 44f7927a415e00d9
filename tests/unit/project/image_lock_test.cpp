#include "sandbox/project/image_lock.hpp"

#include <catch2/catch.hpp>

#include "sandbox/project/deployment.hpp"
#include "unit/project/profile_fixture.hpp"

namespace sandbox::project {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST_CASE("a lock is written as it is read") {
    const ProfileDirectory directory;
    const std::string path = directory.path() + "/sandbox.lock";
    CHECK(load_image_lock(path, "sandbox.lock").empty());
    const std::map<std::string, std::string> digests{{"mariadb:11", kDigest},
                                                     {"localhost:5000/a/b", kDigest}};
    save_image_lock(path, digests);
    CHECK(load_image_lock(path, "sandbox.lock") == digests);
}

TEST_CASE("a damaged lock is an error with its place") {
    ProfileDirectory directory;
    const auto failure = [&](const std::string& text) {
        directory.write("sandbox.lock", text);
        return directory.failure("[services.a]\nimage = \"x\"\n");
    };
    CHECK(failure("") ==
          "sandbox.lock: not a lock of version 1 (a newer sandbox may have written it)");
    CHECK(failure("version = 2\n").starts_with("sandbox.lock:1:11: not a lock of version 1"));
    CHECK(
        failure("version = 1\nimage = 1\n").starts_with("sandbox.lock:2:1: unknown key \"image\""));
    CHECK(
        failure("version = 1\nimages = 1\n").starts_with("sandbox.lock:2:10: \"images\" must be"));
    CHECK(failure("version = 1\n[images]\nx = \"" + kDigest + "0\"\n")
              .starts_with("sandbox.lock:3:5: not a digest of \"x\""));
    CHECK(failure("version = 1\n[images]\n\"x@" + kDigest + "\" = \"" + kDigest + "\"\n")
              .find("not a digest") != std::string::npos);
    CHECK(failure("version = 1\n[images]\nx = \"" + kDigest + "\"\n") == "no error");
}

TEST_CASE("what can be fixed is a name at a registry, without a digest") {
    CHECK(is_lockable("nginx"));
    CHECK(is_lockable("localhost:5000/a:1"));
    CHECK_FALSE(is_lockable("nginx@" + kDigest));
    CHECK_FALSE(is_lockable("nginx:1@" + kDigest));
    CHECK_FALSE(is_lockable(kDigest));
    CHECK_FALSE(is_lockable(std::string(64, 'b')));
    CHECK_FALSE(is_lockable("oci:/some/where"));
    CHECK_FALSE(is_lockable("docker-archive:file.tar"));
}

TEST_CASE("images that are not fixed are named once each, in the order of the profile") {
    ProfileDirectory directory;
    directory.write("sandbox.lock", "version = 1\n[images]\nb = \"" + kDigest + "\"\n");
    const Project project = directory.load_text(
        "[services.one]\nimage = \"c\"\n[services.two]\nimage = \"b\"\n"
        "[services.three]\nimage = \"c\"\n[tasks.four]\nimage = \"a\"\n");
    CHECK(unlocked_images(project) == std::vector<std::string>{"c", "a"});
}

TEST_CASE("the lock stands beside the first file and has its name, unless that is the usual one") {
    ProfileDirectory directory;
    directory.write("dev.toml", "[services.a]\nimage = \"x\"\n");
    CHECK(image_lock_path(directory.load({"dev.toml"})) == directory.path() + "/dev.lock");
    directory.write("compose.yaml", "services:\n  a:\n    image: x\n");
    CHECK(image_lock_path(directory.load()) == directory.path() + "/sandbox.lock");
}

TEST_CASE("a lock changes what a container is made from, but not the service's hash") {
    ProfileDirectory directory;
    Project project =
        directory.load_text("[services.a]\nimage = \"x:1\"\npull_policy = \"always\"\n");
    const std::string before = deployment_hash(project, project.services[0]);
    project.services[0].locked_image = "x:1@" + kDigest;
    CHECK(deployment_hash(project, project.services[0]) == before);
    const engine::RunRequest request = make_container_request(project, project.services[0], 1);
    CHECK(request.image == "x:1@" + kDigest);
    CHECK(request.pull == image::PullPolicy::missing);
}

}  // namespace
}  // namespace sandbox::project
