// R23 to R25, R27, R30, R38: time, HTTP, TLS and the lack of a network.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <catch2/catch.hpp>

#include <chrono>
#include <thread>

#include "integration/registry/fake_support.hpp"
#include "sandbox/base/error.hpp"
#include "support/skip.hpp"

using namespace sandbox;
using namespace sandbox::test;

namespace {

double seconds_of(const std::function<void()>& action) {
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void trust(const Home& home, const FakeRegistry& fake, const std::string& more = {}) {
    home.write_config("[registries.\"" + fake.authority() + "\"]\nca = \"" + fake.fact("ca") +
                      "\"\n" + more);
}

}  // namespace

TEST_CASE("R23 retry-after is obeyed") {
    Home home;
    FakeRegistry fake("retry-after-2");
    const double taken = seconds_of([&] { CHECK(pull(fake.reference()).layers.size() == 2); });
    CHECK(taken >= 2.0);
    CHECK(taken < 5.0);
}

TEST_CASE("R23 a retry-after of a day is waited for up to the cap, once") {
    Home home;  // the cap is 2 s here
    FakeRegistry fake("retry-after-day");
    const double taken = seconds_of([&] {
        const std::string error = pull_error(fake.reference());
        CHECK(contains(error, "too many requests"));
        CHECK(contains(error, "slow down"));
    });
    CHECK(taken >= 2.0);
    CHECK(taken < 4.0);
    CHECK(fake.requests().size() == 2);
}

TEST_CASE("R23 a senseless retry-after is as none") {
    Home home;
    for (const char* scenario :
         {"retry-after-negative", "retry-after-1970", "retry-after-garbage"}) {
        INFO(scenario);
        FakeRegistry fake(scenario);
        CHECK(contains(pull_error(fake.reference()), "too many requests"));
        CHECK(fake.requests().size() == 5);
    }
}

TEST_CASE("R24 errors that pass are retried, those that stay are given up on") {
    Home home;
    for (const char* scenario : {"flaky-503", "flaky-500"}) {
        INFO(scenario);
        FakeRegistry fake(scenario);
        CHECK(pull(fake.reference()).layers.size() == 2);
        CHECK(fake.requests().size() == 12);
    }
    FakeRegistry fake("always-503");
    const std::string error = pull_error(fake.reference());
    CHECK(contains(error, "status 503"));
    CHECK(contains(error, "try again"));
    CHECK(fake.requests().size() == 5);
}

TEST_CASE("R25 headers that trickle and servers that are silent run into the low-speed rule") {
    Home home;
    for (const char* scenario : {"slow-headers", "silent"}) {
        INFO(scenario);
        FakeRegistry fake(scenario);
        CHECK(contains(pull_error(fake.reference(), 10), "timeout: "));
    }
}

TEST_CASE("R25 a body that stalls is resumed, and given up on when it never comes") {
    Home home;
    FakeRegistry fake("stalled-blob", {"--layers", "1", "--layer-bytes", "3000000"});
    CHECK(contains(pull_error(fake.reference(), 25), "timeout: "));
}

TEST_CASE("R25 an interrupt ends a wait at once") {
    Home home;
    FakeRegistry fake("silent");
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    registry::Client client;
    client.set_interrupt_fd(ends[0]);
    std::thread later([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(300));
        (void)!write(ends[1], "x", 1);
    });
    const double taken = seconds_of([&] {
        CHECK(contains(error_of([&] { (void)client.fetch_manifest(fake.reference()); }),
                       "interrupted"));
    });
    later.join();
    CHECK(taken < 1.0);
    close(ends[0]);
    close(ends[1]);
}

TEST_CASE("step wakes for the caller's own descriptors") {
    Home home;
    FakeRegistry fake("silent");
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    registry::Client client;
    registry::BlobRequest request{fake.reference(), oci::Digest::of("x"), 5, 0, {}, {}, {}};
    client.start_blob(std::move(request));
    (void)client.step(std::chrono::milliseconds(20));
    REQUIRE(write(ends[1], "x", 1) == 1);
    pollfd extra{ends[0], POLLIN, 0};
    const double taken = seconds_of([&] {
        (void)client.step(std::chrono::seconds(10), {&extra, 1});
    });
    CHECK(taken < 1.0);
    CHECK((extra.revents & POLLIN) != 0);
    close(ends[1]);
    (void)!read(ends[0], ends + 1, 1);
    (void)client.step(std::chrono::seconds(1), {&extra, 1});
    CHECK((extra.revents & POLLHUP) != 0);
    close(ends[0]);
}

TEST_CASE("R27 broken http is an error, within bounds") {
    Home home;
    for (const char* scenario :
         {"bad-chunk", "huge-chunk", "both-lengths", "two-lengths", "bad-length", "huge-header",
          "many-headers", "not-http", "endless-interim"}) {
        INFO(scenario);
        FakeRegistry fake(scenario);
        const std::string error = pull_error(fake.reference());
        INFO(error);
        CHECK_FALSE(contains(error, "no error"));
        CHECK(fake.requests().size() <= 10);
    }
}

TEST_CASE("P16 control bytes in a registry's words are shown escaped") {
    Home home;
    FakeRegistry fake("escape-error");
    const std::string error = pull_error(fake.reference());
    CHECK(contains(error, "permission denied"));
    CHECK(contains(error, "\\x1b"));
}

TEST_CASE("a loopback registry that speaks tls is found out and verified") {
    Home home;
    FakeRegistry fake("basic", {"--tls", "good"});
    trust(home, fake);
    home.write_docker_login(fake.authority());
    CHECK(pull(fake.reference()).layers.size() == 2);
    for (const auto& request : fake.requests()) {
        CHECK(contains(request["headers"].string_or("host"), "127.0.0.1"));
    }
}

TEST_CASE("certificates of certs.d and of SSL_CERT_FILE count") {
    Home home;
    FakeRegistry fake("plain", {"--tls", "good"});
    CHECK(contains(pull_error(fake.reference()), "tls: "));
    home.write(".config/containers/certs.d/" + fake.authority() + "/ca.crt", [&] {
        std::string text;
        FILE* in = fopen(fake.fact("ca").c_str(), "r");
        char buffer[8192];
        text.assign(buffer, fread(buffer, 1, sizeof buffer, in));
        fclose(in);
        return text;
    }());
    CHECK(pull(fake.reference()).layers.size() == 2);
    Home other;
    setenv("SSL_CERT_FILE", fake.fact("ca").c_str(), 1);
    CHECK(pull(fake.reference()).layers.size() == 2);
}

TEST_CASE("a client certificate is shown to the server that wants one") {
    Home home;
    FakeRegistry fake("plain", {"--tls", "good", "--client-ca"});
    trust(home, fake);
    const std::string error = pull_error(fake.reference());
    INFO(error);
    CHECK(contains(error, "client_cert"));
    trust(home, fake,
          "client_cert = \"" + fake.fact("client_cert") + "\"\nclient_key = \"" +
              fake.fact("client_key") + "\"\n");
    CHECK(pull(fake.reference()).layers.size() == 2);
}

TEST_CASE("R30 bad certificates and old tls are refused, with no login sent") {
    for (const char* kind : {"expired", "wrong-host", "sha1", "self-signed", "tls1.1"}) {
        INFO(kind);
        Home home;
        FakeRegistry fake("basic", {"--tls", kind});
        trust(home, fake);
        home.write_docker_login(fake.authority());
        const std::string error = pull_error(fake.reference());
        INFO(error);
        CHECK(contains(error, "tls: "));
        CHECK(fake.requests().empty());
        registry::Client client;
        const std::string refused =
            error_of([&] { client.login(fake.authority(), "user", "secret"); });
        CHECK(contains(refused, "tls: "));
        CHECK(fake.requests().empty());
    }
}

TEST_CASE("insecure = true takes any certificate") {
    Home home;
    FakeRegistry fake("plain", {"--tls", "self-signed"});
    home.write_config("[registries.\"" + fake.authority() + "\"]\ninsecure = true\n");
    CHECK(pull(fake.reference()).layers.size() == 2);
}

TEST_CASE("R38 a closed port and an unknown host are told at once, by name") {
    Home home;
    const auto closed = pull_error(oci::Reference::parse("127.0.0.1:1/a/b:c"), 10);
    CHECK(contains(closed, "cannot connect to \"127.0.0.1:1\""));
    const auto unknown = pull_error(oci::Reference::parse("no-such-host.invalid/a/b:c"), 10);
    CHECK(contains(unknown, "cannot find the host \"no-such-host.invalid\""));
}

TEST_CASE("R38 name servers that do not answer are given up on") {
    const auto text = in_public_network("127.0.0.1 localhost\n", [&]() -> std::string {
        Home home;
        // A name server that takes every question and never answers.
        const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(53);
        inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
        if (bind(fd, reinterpret_cast<sockaddr*>(&in), sizeof in) != 0) return "no port 53";
        std::string out = pull_error(oci::Reference::parse("registry.example/a/b:c"), 10);
        close(fd);
        return out;
    });
    SANDBOX_SKIP_UNLESS(text.has_value(), "no user namespaces");
    INFO(*text);
    CHECK(contains(*text, "\"registry.example\""));
}

TEST_CASE("names of /etc/hosts and localhost are resolved") {
    const auto text = in_public_network(
        "127.0.0.1 localhost\n203.0.113.5 registry.example\n", [&]() -> std::string {
            Home home;
            FakeRegistry fake("plain", {"--bind", "203.0.113.5"});
            FakeRegistry local("plain");
            home.write_config("[registries.\"registry.example:" + fake.port() +
                              "\"]\ninsecure = true\n");
            const auto named = oci::Reference::parse("registry.example:" + fake.port() + "/a/b");
            const auto near = oci::Reference::parse("localhost:" + local.port() + "/a/b");
            return std::to_string(pull(named).layers.size() + pull(near).layers.size());
        });
    SANDBOX_SKIP_UNLESS(text.has_value(), "no user namespaces");
    CHECK(*text == "4");
}

TEST_CASE("an http proxy is used for what is not loopback") {
    const auto text = in_public_network("127.0.0.1 localhost\n", [&]() -> std::string {
        Home home;
        FakeRegistry fake("plain");  // as the proxy: it gets absolute targets
        home.write_config("[registries.\"registry.example:5000\"]\ninsecure = true\n");
        setenv("http_proxy", ("http://127.0.0.1:" + fake.port()).c_str(), 1);
        setenv("https_proxy", ("http://127.0.0.1:" + fake.port()).c_str(), 1);
        (void)pull_error(oci::Reference::parse("registry.example:5000/a/b:c"));
        std::string methods;
        for (const auto& request : fake.requests()) {
            methods += request.string_or("method") + " " + request.string_or("path") + ";";
        }
        return methods;
    });
    SANDBOX_SKIP_UNLESS(text.has_value(), "no user namespaces");
    INFO(*text);
    CHECK(contains(*text, "CONNECT registry.example:5000"));
}
