// A real registry (docker-registry) on loopback: open, and behind htpasswd.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <filesystem>
#include <thread>

#include "integration/registry/fake_support.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/subprocess.hpp"
#include "sandbox/base/unique_fd.hpp"
#include "support/skip.hpp"

extern char** environ;

using namespace sandbox;
using namespace sandbox::test;

namespace {

std::uint16_t free_port() {
    const base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof in;
    REQUIRE(bind(fd.get(), reinterpret_cast<sockaddr*>(&in), sizeof in) == 0);
    REQUIRE(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&in), &size) == 0);
    return ntohs(in.sin_port);
}

bool answers(std::uint16_t port) {
    const base::UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connect(fd.get(), reinterpret_cast<sockaddr*>(&in), sizeof in) == 0;
}

class DockerRegistry {
  public:
    // `auth`: lines of the "auth" section, or empty.
    DockerRegistry(const Home& home, const std::string& name, const std::string& auth)
        : port_(free_port()) {
        home.write(name + ".yml",
                   "version: 0.1\nlog: {level: error}\nstorage: {filesystem: "
                   "{rootdirectory: " +
                       home.path() +
                       "/data}}\nhttp: {addr: "
                       "\"127.0.0.1:" +
                       std::to_string(port_) + "\"}\n" + auth);
        std::string words[] = {"docker-registry", "serve", home.path() + "/" + name + ".yml"};
        char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
        const int rc = posix_spawnp(&pid_, argv[0], &actions, nullptr, argv, environ);
        posix_spawn_file_actions_destroy(&actions);
        REQUIRE(rc == 0);
        for (int i = 0; i < 1000 && !answers(port_); ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        REQUIRE(answers(port_));
    }
    ~DockerRegistry() {
        (void)kill(pid_, SIGKILL);
        (void)waitpid(pid_, nullptr, 0);
    }
    DockerRegistry(const DockerRegistry&) = delete;
    DockerRegistry& operator=(const DockerRegistry&) = delete;
    [[nodiscard]] std::string authority() const { return "localhost:" + std::to_string(port_); }

  private:
    std::uint16_t port_;
    pid_t pid_ = -1;
};

bool have_tools() {
    return base::try_find_program("docker-registry") && base::try_find_program("skopeo") &&
           base::try_find_program("umoci");
}

// An image with one layer of three megabytes, pushed as t/img:one.
void push_image(const Home& home, const std::string& authority) {
    const std::string dir = home.path() + "/layout";
    const auto must = [](const std::vector<std::string>& argv) {
        const base::SubprocessResult result = base::run_subprocess(argv);
        INFO(result.err);
        REQUIRE(result.exit_code == 0);
    };
    home.write("payload/data", std::string(3'000'000, 'x'));
    must({"umoci", "init", "--layout", dir});
    must({"umoci", "new", "--image", dir + ":one"});
    must(
        {"umoci", "insert", "--rootless", "--image", dir + ":one", home.path() + "/payload", "/p"});
    must({"skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false", "oci:" + dir + ":one",
          "docker://" + authority + "/t/img:one"});
}

}  // namespace

TEST_CASE("docker-registry serves an image, and a range of it") {
    SANDBOX_SKIP_UNLESS(have_tools(), "docker-registry, skopeo or umoci is missing");
    Home home;
    DockerRegistry server(home, "open", "");
    push_image(home, server.authority());
    const auto reference = oci::Reference::parse(server.authority() + "/t/img:one");
    const Pulled image = pull(reference);
    REQUIRE(image.layers.size() == 1);
    const auto& [digest, body] = *image.layers.begin();
    registry::Client client;
    std::string rest;
    registry::BlobRequest request{reference, oci::Digest::parse(digest), body.size(), 100, {}, {},
                                  {}};
    request.on_data = [&](std::string_view bytes) { rest.append(bytes); };
    request.on_done = [](std::exception_ptr error) { CHECK_FALSE(error); };
    client.start_blob(std::move(request));
    while (client.step(std::chrono::milliseconds(100))) {
    }
    CHECK(rest == body.substr(100));
    CHECK(contains(pull_error(oci::Reference::parse(server.authority() + "/t/img:two")),
                   "no such image"));
    CHECK(pull(reference.with_digest(image.manifest.digest)).layers.size() == 1);
}

TEST_CASE("docker-registry behind htpasswd wants a login, and takes one") {
    SANDBOX_SKIP_UNLESS(have_tools(), "docker-registry, skopeo or umoci is missing");
    Home home;
    {
        DockerRegistry server(home, "open", "");
        push_image(home, server.authority());
    }
    // bcrypt of "secret".
    home.write("htpasswd", "user:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n");
    DockerRegistry server(home, "closed",
                          "auth: {htpasswd: {realm: fake, path: " + home.path() + "/htpasswd}}\n");
    const auto reference = oci::Reference::parse(server.authority() + "/t/img:one");
    CHECK(contains(pull_error(reference), "unauthorized"));
    registry::Client client;
    CHECK(contains(error_of([&] { client.login(server.authority(), "user", "wrong"); }),
                   "unauthorized"));
    CHECK_FALSE(registry::try_stored_login(server.authority()));
    client.login(server.authority(), "user", "secret");
    CHECK(registry::try_stored_login(server.authority()) == "user");
    CHECK(pull(reference).layers.size() == 1);
    CHECK(registry::logout(server.authority(), false));
    CHECK(contains(pull_error(reference), "unauthorized"));
}
