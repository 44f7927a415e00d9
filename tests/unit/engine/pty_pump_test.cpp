#include "engine/pty_pump.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>

using sandbox::base::PollLoop;
using sandbox::base::UniqueFd;
using sandbox::engine::PtyPump;

namespace {

struct Pty {
    UniqueFd master, slave;
};

Pty open_pty() {
    Pty pty;
    pty.master.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(pty.master.valid());
    REQUIRE(::grantpt(pty.master.get()) == 0);
    REQUIRE(::unlockpt(pty.master.get()) == 0);
    pty.slave.reset(::open(::ptsname(pty.master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(pty.slave.valid());
    termios settings{};
    REQUIRE(::tcgetattr(pty.slave.get(), &settings) == 0);
    settings.c_oflag &= static_cast<tcflag_t>(~OPOST);
    settings.c_lflag &= static_cast<tcflag_t>(~ECHO);
    REQUIRE(::tcsetattr(pty.slave.get(), TCSANOW, &settings) == 0);
    return pty;
}

struct Pipe {
    UniqueFd in, out;  // read and write end
};

Pipe open_pipe() {
    std::array<int, 2> fds{};
    REQUIRE(::pipe2(fds.data(), O_CLOEXEC) == 0);
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

// A child that runs `action` with the terminal; its pid.
template <typename F>
pid_t start(Pty& pty, F&& action) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        // Not the other ends of pipes: their readers and writers would never see the end.
        for (int fd = 3; fd < 256; ++fd) {
            if (fd != pty.slave.get()) (void)::close(fd);
        }
        action(pty.slave.get());
        ::_exit(0);
    }
    pty.slave.reset();
    return pid;
}

void wait_for(PollLoop& loop, pid_t pid, PtyPump& pump) {
    loop.add_timer(std::chrono::milliseconds(5), std::chrono::milliseconds(5), [&loop, pid, &pump] {
        if (::waitpid(pid, nullptr, WNOHANG) != pid) return;
        pump.finish([&loop] { loop.stop(); });
    });
    loop.run();
}

}  // namespace

TEST_CASE("a reader that is slow gets every byte, also those written just before the end") {
    Pty pty = open_pty();
    Pipe pipe = open_pipe();
    constexpr size_t kTotal = 400'000;
    const pid_t pid = start(pty, [](int slave) {
        const std::string block(1000, 'x');
        for (size_t i = 0; i < kTotal / block.size(); ++i) {
            size_t done = 0;
            while (done < block.size()) {
                const ssize_t n = ::write(slave, block.data() + done, block.size() - done);
                if (n <= 0) ::_exit(1);
                done += static_cast<size_t>(n);
            }
        }
    });
    PollLoop loop;
    size_t received = 0;
    const auto drain = [&](size_t at_most) {
        std::string buffer(at_most, '\0');
        const ssize_t n = ::read(pipe.in.get(), buffer.data(), buffer.size());
        if (n > 0) received += static_cast<size_t>(n);
    };
    REQUIRE(::fcntl(pipe.in.get(), F_SETFL, O_NONBLOCK) == 0);
    loop.add_timer(std::chrono::milliseconds(1), std::chrono::milliseconds(1),
                   [&] { drain(20'000); });
    {
        PtyPump pump(loop, {-1, pipe.out.get(), pty.master.get()}, {});
        wait_for(loop, pid, pump);
    }
    const size_t before = received;
    do {
        drain(1u << 20);
    } while (received != before && received < kTotal);
    CHECK(received == kTotal);
    // The pipe's own description was left alone.
    CHECK((::fcntl(pipe.out.get(), F_GETFL) & O_NONBLOCK) == 0);
}

TEST_CASE("the end of a pipe is the end of input on the terminal, after an unfinished line too") {
    for (const std::string text : {"one\ntwo\n", "one\ntwo", ""}) {
        CAPTURE(text);
        Pty pty = open_pty();
        Pipe input = open_pipe();
        Pipe output = open_pipe();
        const pid_t pid = start(pty, [](int slave) {
            std::array<char, 256> buffer{};
            for (;;) {
                const ssize_t n = ::read(slave, buffer.data(), buffer.size());
                if (n <= 0) break;
                (void)!::write(slave, buffer.data(), static_cast<size_t>(n));
            }
            (void)!::write(slave, "end", 3);
        });
        REQUIRE(::write(input.out.get(), text.data(), text.size()) ==
                static_cast<ssize_t>(text.size()));
        input.out.reset();
        PollLoop loop;
        {
            PtyPump pump(loop, {input.in.get(), output.out.get(), pty.master.get()}, {});
            wait_for(loop, pid, pump);
        }
        std::string seen(256, '\0');
        seen.resize(static_cast<size_t>(::read(output.in.get(), seen.data(), seen.size())));
        CHECK(seen == text + "end");
    }
}

TEST_CASE("when nobody reads the output any more it is said once, and the rest is dropped") {
    Pty pty = open_pty();
    Pipe pipe = open_pipe();
    pipe.in.reset();
    sigset_t mask;
    ::sigemptyset(&mask);
    ::sigaddset(&mask, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
    const pid_t pid = start(pty, [](int slave) {
        for (int i = 0; i < 100; ++i) (void)!::write(slave, "0123456789", 10);
    });
    PollLoop loop;
    int lost = 0;
    {
        PtyPump pump(loop, {-1, pipe.out.get(), pty.master.get()}, [&] { ++lost; });
        wait_for(loop, pid, pump);
    }
    CHECK(lost == 1);
    timespec now{};
    (void)::sigtimedwait(&mask, nullptr, &now);  // take the signal that is waiting
    ::pthread_sigmask(SIG_UNBLOCK, &mask, nullptr);
}

TEST_CASE("output to a regular file keeps its place") {
    char path[] = "/tmp/sandbox-pump.XXXXXX";
    UniqueFd file(::mkstemp(path));
    REQUIRE(file.valid());
    (void)::unlink(path);
    REQUIRE(::write(file.get(), "before ", 7) == 7);
    Pty pty = open_pty();
    const pid_t pid = start(pty, [](int slave) { (void)!::write(slave, "inside ", 7); });
    PollLoop loop;
    {
        PtyPump pump(loop, {-1, file.get(), pty.master.get()}, {});
        wait_for(loop, pid, pump);
    }
    REQUIRE(::write(file.get(), "after", 5) == 5);
    std::string text(64, '\0');
    text.resize(static_cast<size_t>(::pread(file.get(), text.data(), text.size(), 0)));
    CHECK(text == "before inside after");
}
