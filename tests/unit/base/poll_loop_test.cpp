#include "sandbox/base/poll_loop.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>

#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/unique_fd.hpp"

using namespace sandbox::base;
using namespace std::chrono_literals;

namespace {

struct Pipe {
    Pipe() {
        std::array<int, 2> fds{};
        if (::pipe(fds.data()) != 0) std::abort();
        out.reset(fds[0]);
        in.reset(fds[1]);
    }
    void put() const { write_all(in.get(), "x"); }
    void take() const {
        char c = 0;
        if (::read(out.get(), &c, 1) != 1) std::abort();
    }
    UniqueFd out;
    UniqueFd in;
};

}  // namespace

TEST_CASE("a descriptor's handler runs when there is something to read") {
    PollLoop loop;
    const Pipe pipe;
    int calls = 0;
    loop.add_fd(pipe.out.get(), EPOLLIN, [&](std::uint32_t events) {
        CHECK((events & EPOLLIN) != 0);
        ++calls;
        pipe.take();
    });
    CHECK_FALSE(loop.run_once(0ms));
    pipe.put();
    CHECK(loop.run_once(1000ms));
    CHECK(calls == 1);
}

TEST_CASE("a regular file, which epoll refuses, is ready in each round until it is removed") {
    PollLoop loop;
    const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    const Pipe pipe;
    int calls = 0;
    int others = 0;
    const PollLoop::Token token = loop.add_fd(file.get(), EPOLLIN, [&](std::uint32_t events) {
        CHECK(events == EPOLLIN);
        ++calls;
    });
    loop.add_fd(pipe.out.get(), EPOLLIN, [&](std::uint32_t) {
        ++others;
        pipe.take();
    });
    CHECK(loop.run_once(-1ms));
    pipe.put();
    CHECK(loop.run_once(-1ms));
    CHECK(calls == 2);
    CHECK(others == 1);
    loop.remove(token);
    CHECK_FALSE(loop.run_once(0ms));
    CHECK(calls == 2);
}

TEST_CASE("interest in a descriptor comes and goes, also in one whose other end is closed") {
    PollLoop loop;
    Pipe pipe;
    int calls = 0;
    FdInterest interest(loop, pipe.out.get(), EPOLLIN, [&] { ++calls; });
    pipe.in.reset();
    CHECK_FALSE(loop.run_once(0ms));
    interest.set(true);
    interest.set(true);
    CHECK(loop.run_once(0ms));
    interest.set(false);
    CHECK_FALSE(loop.run_once(0ms));
    CHECK(calls == 1);
}

TEST_CASE("a handler may remove itself, another entry of the same round, and add new ones") {
    PollLoop loop;
    const std::array<Pipe, 3> pipes;
    std::array<PollLoop::Token, 3> tokens{};
    int calls = 0;
    for (size_t i = 0; i < pipes.size(); ++i) {
        tokens[i] = loop.add_fd(pipes[i].out.get(), EPOLLIN, [&, i](std::uint32_t) {
            ++calls;
            for (const PollLoop::Token token : tokens) loop.remove(token);
            tokens[i] = loop.add_fd(pipes[i].out.get(), EPOLLIN, [&, i](std::uint32_t) {
                pipes[i].take();
                ++calls;
            });
        });
        pipes[i].put();
    }
    CHECK(loop.run_once(1000ms));
    CHECK(calls == 1);
    CHECK(loop.run_once(1000ms));
    CHECK(calls == 2);
    CHECK_FALSE(loop.run_once(0ms));
}

TEST_CASE("a timer fires once or again and again until it is removed") {
    PollLoop loop;
    int once = 0;
    int often = 0;
    loop.add_timer(0ms, 0ms, [&] { ++once; });
    PollLoop::Token ticker = 0;
    ticker = loop.add_timer(1ms, 1ms, [&] {
        if (++often == 3) {
            loop.remove(ticker);
            loop.stop();
        }
    });
    loop.run();
    CHECK(once == 1);
    CHECK(often == 3);
    CHECK_FALSE(loop.run_once(5ms));
}

TEST_CASE("signals arrive as events and the former mask comes back") {
    sigset_t before;
    ::sigprocmask(SIG_SETMASK, nullptr, &before);
    REQUIRE(::sigismember(&before, SIGUSR1) == 0);
    {
        PollLoop loop;
        std::vector<unsigned> seen;
        loop.on_signals({SIGUSR1, SIGUSR2}, [&](const signalfd_siginfo& info) {
            seen.push_back(info.ssi_signo);
            if (seen.size() == 2) loop.stop();
        });
        ::kill(::getpid(), SIGUSR1);
        ::kill(::getpid(), SIGUSR2);
        loop.run();
        CHECK(seen.size() == 2);
    }
    sigset_t after;
    ::sigprocmask(SIG_SETMASK, nullptr, &after);
    CHECK(::sigismember(&after, SIGUSR1) == 0);
}

TEST_CASE("what is interrupted by stop is delivered by the next run") {
    PollLoop loop;
    const std::array<Pipe, 2> pipes;
    int calls = 0;
    for (const Pipe& pipe : pipes) {
        loop.add_fd(pipe.out.get(), EPOLLIN, [&](std::uint32_t) {
            pipe.take();
            ++calls;
            loop.stop();
        });
        pipe.put();
    }
    loop.run();
    CHECK(calls == 1);
    loop.run();
    CHECK(calls == 2);
}

TEST_CASE("an exception of a handler leaves the loop usable") {
    PollLoop loop;
    const Pipe pipe;
    const auto token =
        loop.add_fd(pipe.out.get(), EPOLLIN, [&](std::uint32_t) { throw Error("no"); });
    pipe.put();
    CHECK_THROWS_AS(loop.run_once(1000ms), Error);
    loop.remove(token);
    loop.remove(token);
    CHECK_FALSE(loop.run_once(0ms));
}

TEST_CASE("what is no open descriptor cannot be watched and that is said") {
    PollLoop loop;
    CHECK_THROWS_AS(loop.add_fd(-1, EPOLLIN, [](std::uint32_t) {}), SysError);
}

TEST_CASE("the events of interest can be changed") {
    PollLoop loop;
    const Pipe pipe;
    int calls = 0;
    const auto token = loop.add_fd(pipe.in.get(), EPOLLOUT, [&](std::uint32_t) { ++calls; });
    CHECK(loop.run_once(0ms));
    loop.modify_fd(token, 0);
    CHECK_FALSE(loop.run_once(0ms));
    CHECK(calls == 1);
}
