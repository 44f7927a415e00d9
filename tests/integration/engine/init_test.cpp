#include <signal.h>

#include <catch2/catch.hpp>
#include <thread>

#include "launch_fixture.hpp"

using namespace sandbox;
using namespace std::chrono_literals;
using test::LaunchFixture;
using test::Result;

namespace {

// A launch whose output can be read while it runs.
struct Running {
    Running(LaunchFixture& fixture, const std::string& script) {
        int fds[2];
        (void)!::pipe2(fds, O_CLOEXEC);
        out.reset(fds[0]);
        base::UniqueFd write_end(fds[1]);
        base::UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
        fixture.spec.argv = {"sh", "-c", script};
        engine::LaunchContext context = fixture.context();
        context.stdio_fds = {null.get(), write_end.get(), write_end.get()};
        container.emplace(engine::launch(fixture.spec, context));
    }
    std::string read_line() {
        std::string line;
        char c = 0;
        while (::read(out.get(), &c, 1) == 1 && c != '\n') line += c;
        return line;
    }
    kernel::ExitStatus finish() { return engine::collect_exit(*container); }
    base::UniqueFd out;
    std::optional<engine::LaunchedContainer> container;
};

}  // namespace

TEST_CASE("signals sent to pid 1 from outside reach the payload") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    Running running(fixture,
                    "trap 'echo usr1' USR1; trap 'echo term; exit 5' TERM; trap 'echo winch' WINCH;"
                    "echo ready; while :; do sleep 0.05; done");
    CHECK(running.read_line() == "ready");
    running.container->init.signal(SIGUSR1);
    CHECK(running.read_line() == "usr1");
    running.container->init.signal(SIGWINCH);
    CHECK(running.read_line() == "winch");
    running.container->init.signal(SIGTERM);
    CHECK(running.read_line() == "term");
    CHECK(running.finish().code == 5);
}

TEST_CASE("a payload that does not handle SIGTERM is ended by it") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    Running running(fixture, "echo ready; exec sleep 1000");
    CHECK(running.read_line() == "ready");
    running.container->init.signal(SIGTERM);
    CHECK(running.finish().signal == SIGTERM);
}

TEST_CASE("when pid 1 itself is killed, the payload is gone and was killed") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    Running running(fixture, "echo ready; exec sleep 1000");
    CHECK(running.read_line() == "ready");
    running.container->init.signal(SIGKILL);
    CHECK(running.finish().signal == SIGKILL);
    CHECK(running.read_line().empty());  // end of file: nobody holds the pipe
}

TEST_CASE("orphans are reaped: a thousand of them leave no zombie") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    const Result result = fixture.run(
        "i=0; while [ $i -lt 1000 ]; do i=$((i+1)); (true &); done; sleep 0.2;"
        "cat /proc/[0-9]*/stat 2>/dev/null | grep -c ' Z '; true");
    CHECK(result.out == "0\n");
}

TEST_CASE("nobody inside can send pid 1 a signal that ends it; what it passes on may be handled") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    const Result result = fixture.run(
        "trap : TERM INT HUP; for s in KILL STOP TERM INT HUP; do kill -$s 1; done;"
        "sleep 0.1; echo alive");
    CHECK(result.out == "alive\n");
    CHECK(result.status.code == 0);
}

TEST_CASE("what a payload leaves running does not outlive it") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    const Result result = fixture.run("sleep 1000 & echo done");
    CHECK(result.out == "done\n");  // read to the end of file, so the sleeper is gone
    CHECK(result.status.code == 0);
}

TEST_CASE("a terminal of the container's own is handed out, with its size") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    fixture.spec.tty = true;
    fixture.spec.argv = {"sh", "-c", "tty; stty size; test -c /dev/console && echo console"};
    engine::LaunchContext context = fixture.context();
    context.window = winsize{33, 77, 0, 0};
    engine::LaunchedContainer container = engine::launch(fixture.spec, context);
    REQUIRE(container.pty_master.valid());
    std::string text;
    char buffer[256];
    ssize_t size = 0;
    while ((size = ::read(container.pty_master.get(), buffer, sizeof buffer)) > 0) {
        text.append(buffer, static_cast<size_t>(size));
    }
    CHECK(text == "/dev/pts/0\r\n33 77\r\nconsole\r\n");
    CHECK(engine::collect_exit(container).code == 0);
}
