#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <optional>
#include <thread>

#include "engine/control/client.hpp"
#include "engine/control/packet.hpp"
#include "engine/control/server.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/temp_dir.hpp"

namespace {

using namespace sandbox;
using engine::ControlCall;
using engine::ControlClient;
using engine::ControlServer;
namespace json = base::json;

// A server on a thread of its own, as another process would be.
class Serving {
  public:
    explicit Serving(const std::function<void(ControlServer&, base::PollLoop&)>& prepare)
        : parent_(base::open_dir("/tmp")),
          dir_(parent_.get()),
          server_(std::in_place, loop_, dir_.fd()) {
        server_->on("end", [this](ControlCall call) {
            call.reply();
            loop_.stop();
        });
        prepare(*server_, loop_);
        thread_ = std::thread([this] { loop_.run(); });
    }
    ~Serving() {
        if (auto client = ControlClient::try_connect(dir_.fd())) {
            (void)client->call(json::Object{{"op", "end"}});
        }
        thread_.join();
        server_.reset();
        CHECK_FALSE(base::exists_at(dir_.fd(), "control"));
    }
    [[nodiscard]] ControlClient client() const { return *ControlClient::try_connect(dir_.fd()); }
    [[nodiscard]] int dir_fd() const { return dir_.fd(); }

  private:
    base::UniqueFd parent_;
    base::TempDir dir_;
    base::PollLoop loop_;
    std::optional<ControlServer> server_;
    std::thread thread_;
};

void echo(ControlServer& server, base::PollLoop&) {
    server.on("echo", [](ControlCall call) {
        std::vector<int> fds;
        for (const base::UniqueFd& fd : call.fds()) fds.push_back(fd.get());
        call.reply(call.request(), fds);
    });
}

}  // namespace

TEST_CASE("a request is answered, one after the other on the same connection") {
    const Serving serving(echo);
    ControlClient client = serving.client();
    for (int i = 0; i < 3; ++i) {
        const auto reply = client.call(json::Object{{"op", "echo"}, {"n", i}});
        CHECK(reply.value["n"].try_i64() == i);
    }
}

TEST_CASE("packets of 200 KiB and descriptors pass both ways") {
    const Serving serving(echo);
    ControlClient client = serving.client();
    const base::UniqueFd file = base::open_at(AT_FDCWD, "/dev/null", O_RDONLY | O_CLOEXEC);
    const int fds[] = {file.get(), file.get()};
    const auto reply =
        client.call(json::Object{{"op", "echo"}, {"text", std::string(200u << 10, 'x')}}, fds);
    CHECK(reply.value.string_or("text").size() == (200u << 10));
    REQUIRE(reply.fds.size() == 2);
    CHECK((::fcntl(reply.fds[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("a packet that is too long is refused before it is sent") {
    const Serving serving(echo);
    ControlClient client = serving.client();
    CHECK_THROWS_AS(
        client.call(json::Object{{"op", "echo"}, {"text", std::string(300u << 10, 'x')}}),
        base::Error);
}

TEST_CASE("an error of the handler arrives with hint and code") {
    const Serving serving([](ControlServer& server, base::PollLoop&) {
        server.on("bad", [](ControlCall) { throw base::Error("no", "try yes", 126); });
    });
    try {
        (void)serving.client().call(json::Object{{"op", "bad"}});
        FAIL("no error");
    } catch (const base::Error& error) {
        CHECK(error.message() == "no");
        CHECK(error.hint() == "try yes");
        CHECK(error.code() == 126);
    }
}

TEST_CASE("an unknown operation and a forgotten answer are errors, not hangs") {
    const Serving serving(
        [](ControlServer& server, base::PollLoop&) { server.on("forget", [](ControlCall) {}); });
    ControlClient client = serving.client();
    CHECK_THROWS_WITH(client.call(json::Object{{"op", "fly"}}), Catch::Contains("\"fly\""));
    CHECK_THROWS_WITH(client.call(json::Object{{"op", "forget"}}), Catch::Contains("no answer"));
}

TEST_CASE("an answer may come later, and who hangs up before is noticed") {
    std::vector<ControlCall> waiting;
    int hung_up = 0;
    const Serving serving([&](ControlServer& server, base::PollLoop&) {
        server.on("wait", [&](ControlCall call) {
            call.on_hangup([&] { ++hung_up; });
            waiting.push_back(std::move(call));
        });
        server.on("asked", [&](ControlCall call) {
            call.reply(json::Object{{"count", waiting.size()}});
        });
        server.on("release", [&](ControlCall call) {
            for (ControlCall& each : waiting) each.reply(json::Object{{"released", true}});
            waiting.clear();
            call.reply(json::Object{{"hung_up", hung_up}});
        });
    });
    json::Value answer;
    {
        ControlClient gone = serving.client();
        CHECK_THROWS_WITH(
            gone.call(json::Object{{"op", "wait"}}, {}, std::chrono::milliseconds(50)),
            Catch::Contains("does not answer"));
    }
    std::thread waiter([&] { answer = serving.client().call(json::Object{{"op", "wait"}}).value; });
    while (serving.client().call(json::Object{{"op", "asked"}}).value["count"].try_i64() != 2) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    const auto reply = serving.client().call(json::Object{{"op", "release"}});
    waiter.join();
    CHECK(answer["released"].as_bool() != nullptr);
    CHECK(reply.value["hung_up"].try_i64() == 1);
}

TEST_CASE("a client that sends no JSON loses its connection only") {
    const Serving serving(echo);
    ControlClient bad = serving.client();
    REQUIRE(::send(bad.fd(), "{", 1, MSG_NOSIGNAL) == 1);
    char byte = 0;
    CHECK(::recv(bad.fd(), &byte, 1, 0) <= 0);
    CHECK(serving.client().call(json::Object{{"op", "echo"}}).value.string_or("op") == "echo");
}

TEST_CASE("a socket that nobody serves is as good as none, and a new server takes its place") {
    const base::UniqueFd parent = base::open_dir("/tmp");
    const base::TempDir dir(parent.get());
    CHECK_FALSE(ControlClient::try_connect(dir.fd()).has_value());
    {
        const base::UniqueFd socket(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        const std::string path = engine::control::address_path(dir.fd());
        std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
        REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                0);
    }
    CHECK_FALSE(ControlClient::try_connect(dir.fd()).has_value());
    base::PollLoop loop;
    const ControlServer server(loop, dir.fd());
    const auto client = ControlClient::try_connect(dir.fd());
    REQUIRE(client.has_value());
    CHECK(client->supervisor_pid() == ::getpid());
    CHECK(client->try_supervisor_pidfd().has_value());
}
