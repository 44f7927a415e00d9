// Whichever side dies, at whatever moment of the launch, the other one notices and nothing stays
// behind. The moments are found by sweeping a delay over the time that a launch takes.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "launch_fixture.hpp"
#include "sandbox/base/raw.hpp"

using namespace sandbox;
using test::LaunchFixture;
using namespace std::chrono_literals;

namespace {

constexpr int kMoments = 30;
constexpr auto kStep = 400us;

struct Pipe {
    Pipe() {
        int fds[2];
        (void)!::pipe2(fds, O_CLOEXEC);
        read_end.reset(fds[0]);
        write_end.reset(fds[1]);
    }
    base::UniqueFd read_end, write_end;
};

// End of file within a time that no healthy machine needs: everybody who had the pipe is gone.
bool all_are_gone(int read_fd) {
    char buffer[256];
    for (;;) {
        pollfd wait{read_fd, POLLIN, 0};
        if (::poll(&wait, 1, 20'000) <= 0) return false;
        if (::read(read_fd, buffer, sizeof buffer) <= 0) return true;
    }
}

pid_t first_child_of(pid_t pid) {
    const std::string path =
        "/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children";
    try {
        const std::string text = base::read_file(path, 4096);
        return static_cast<pid_t>(std::atol(text.c_str()));
    } catch (const base::Error&) {
        return 0;
    }
}

void clean_up_overlay(const LaunchFixture& fixture) {
    // overlay's volatile option forbids the next mount on the same directories.
    const base::UniqueFd dir = base::open_dir(fixture.container_path() + "/work");
    if (base::exists_at(dir.get(), "work")) kernel::remove_tree(dir.get(), "work");
}

// A process that launches `sleep` with the pipe as its stdout, and waits for its end.
pid_t fork_launcher(LaunchFixture& fixture, int write_fd) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    try {
        engine::LaunchContext context = fixture.context();
        context.stdio_fds = {write_fd, write_fd, write_fd};
        engine::LaunchedContainer container = engine::launch(fixture.spec, context);
        (void)engine::collect_exit(container);
        base::raw::exit_group(0);
    } catch (const base::Error&) {
        base::raw::exit_group(3);
    }
}

}  // namespace

TEST_CASE("when the launching process is killed at any moment, no process of the container stays") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    fixture.spec.argv = {"sleep", "1000"};
    for (int moment = 0; moment < kMoments; ++moment) {
        INFO(moment);
        Pipe pipe;
        const pid_t launcher = fork_launcher(fixture, pipe.write_end.get());
        pipe.write_end.reset();
        std::this_thread::sleep_for(moment * kStep);
        (void)::kill(launcher, SIGKILL);
        int status = 0;
        REQUIRE(::waitpid(launcher, &status, 0) == launcher);
        REQUIRE(all_are_gone(pipe.read_end.get()));
        clean_up_overlay(fixture);
    }
}

TEST_CASE("when pid 1 is killed at any moment, the launching process says so and does not hang") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    fixture.spec.argv = {"sleep", "1000"};
    int killed = 0;
    for (int moment = 0; moment < kMoments; ++moment) {
        INFO(moment);
        Pipe pipe;
        const pid_t launcher = fork_launcher(fixture, pipe.write_end.get());
        pipe.write_end.reset();
        pid_t init = 0;
        for (int i = 0; i < 2000 && init == 0; ++i) {
            init = first_child_of(launcher);
            if (init == 0) std::this_thread::sleep_for(50us);
        }
        std::this_thread::sleep_for(moment * kStep);
        if (init > 0 && ::kill(init, SIGKILL) == 0) ++killed;
        // A helper that writes the maps may have been the one that was hit: then the launch fails
        // and takes the container along, or the next kill ends it.
        int status = 0;
        for (int i = 0; i < 400 && ::waitpid(launcher, &status, WNOHANG) == 0; ++i) {
            std::this_thread::sleep_for(50ms);
            if (const pid_t next = first_child_of(launcher); next > 0) (void)::kill(next, SIGKILL);
        }
        CHECK(WIFEXITED(status));
        REQUIRE(all_are_gone(pipe.read_end.get()));
        clean_up_overlay(fixture);
    }
    CHECK(killed > 0);
}
