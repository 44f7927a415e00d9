#include "engine/supervisor/output.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>

#include "sandbox/base/fs.hpp"
#include "sandbox/base/temp_dir.hpp"
#include "sandbox/base/xdg.hpp"

namespace {

using namespace sandbox;
using namespace sandbox::engine;
using namespace std::chrono_literals;

struct Fixture {
    base::UniqueFd parent{base::open_dir(base::try_env("TMPDIR").value_or("/tmp"))};
    base::TempDir dir{parent.get(), "sandbox-test-"};
    base::UniqueFd dir_fd{base::open_at(parent.get(), dir.name(), O_RDONLY | O_DIRECTORY)};
    store::LogWriter log{dir_fd.get(), {}};
    base::PollLoop loop;
    PayloadPipes streams;
    std::optional<OutputHub> hub;

    explicit Fixture(bool interactive = false, bool stdin_once = false)
        : streams(make_payload_pipes(interactive)) {
        streams.ours.stdin_once = stdin_once;
        hub.emplace(loop, &log, std::move(streams.ours));
    }
    void write_out(std::string_view text) { base::write_all(streams.payload[1].get(), text); }
    void write_err(std::string_view text) { base::write_all(streams.payload[2].get(), text); }
    void turn(std::chrono::milliseconds quiet = 20ms) {
        while (loop.run_once(quiet)) {
        }
    }
    std::string logged() {
        store::LogReader reader(dir_fd.get(), {}, {});
        std::string text;
        while (const auto record = reader.try_next()) {
            text += record->text;
            if (record->ends_line) text += '\n';
        }
        return text;
    }
};

// What is there to be read now.
std::string take(int fd) {
    std::string all(1 << 20, '\0');
    const ssize_t count = ::recv(fd, all.data(), all.size(), MSG_DONTWAIT);
    all.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return all;
}

bool is_at_end(int fd) {
    char byte = 0;
    return ::recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

std::string frame(char stream, std::string_view text) {
    std::string header("\0\0\0\0\0\0\0\0", 8);
    header[0] = stream;
    for (size_t i = 0; i < 4; ++i) header[4 + i] = static_cast<char>(text.size() >> (8 * (3 - i)));
    return header.append(text);
}

// Removes the headers of frames; what is incomplete stays.
std::string unframe(std::string_view bytes) {
    std::string text;
    while (bytes.size() >= 8) {
        size_t size = 0;
        for (size_t i = 4; i < 8; ++i) size = size << 8 | static_cast<unsigned char>(bytes[i]);
        text += bytes.substr(8, size);
        bytes.remove_prefix(std::min(bytes.size(), 8 + size));
    }
    return text;
}

std::string read_pipe(int fd) {
    std::string text(4096, '\0');
    const ssize_t count = ::read(fd, text.data(), text.size());
    text.resize(count < 0 ? 0 : static_cast<size_t>(count));
    return text;
}

}  // namespace

TEST_CASE("output goes to the log and, in frames, to clients that want the stream") {
    Fixture f;
    const base::UniqueFd both = f.hub->attach({});
    const base::UniqueFd errors = f.hub->attach({.out = false});
    f.write_out("hello\n");
    f.turn();
    f.write_err("oops\n");
    f.turn();
    CHECK(f.logged() == "hello\noops\n");
    CHECK(take(both.get()) == frame(1, "hello\n") + frame(2, "oops\n"));
    CHECK(take(errors.get()) == frame(2, "oops\n"));
    CHECK(f.hub->client_count() == 2);
}

TEST_CASE("an unfinished line is in the log soon") {
    Fixture f;
    f.write_out("Password: ");
    f.turn();
    CHECK(f.logged().empty());
    f.turn(400ms);
    CHECK(f.logged() == "Password: ");
}

TEST_CASE("a client feeds standard input, which stays open when clients go") {
    Fixture f(true);
    base::UniqueFd client = f.hub->attach({.in = true});
    base::write_all(client.get(), "input");
    f.turn();
    CHECK(read_pipe(f.streams.payload[0].get()) == "input");
    client.reset();
    f.turn();
    CHECK(f.hub->client_count() == 0);
    client = f.hub->attach({.in = true});
    base::write_all(client.get(), "more");
    client.reset();  // gone before it was served
    f.turn();
    CHECK(read_pipe(f.streams.payload[0].get()) == "more");
}

TEST_CASE("input that is given once ends with the client that ends it") {
    Fixture f(true, true);
    const base::UniqueFd client = f.hub->attach({.in = true});
    base::write_all(client.get(), "all");
    ::shutdown(client.get(), SHUT_WR);
    f.turn();
    CHECK(read_pipe(f.streams.payload[0].get()) == "all");
    CHECK(read_pipe(f.streams.payload[0].get()).empty());
    f.write_out("answer\n");
    f.turn();
    CHECK(take(client.get()) == frame(1, "answer\n"));
}

TEST_CASE("a client without leave to write is not heard") {
    Fixture f(false);
    const base::UniqueFd client = f.hub->attach({.in = true});
    (void)::send(client.get(), "x", 1, MSG_NOSIGNAL);
    f.turn();
    f.write_out("y\n");
    f.turn();
    CHECK(take(client.get()) == frame(1, "y\n"));
}

TEST_CASE("more input than the payload takes waits, and none is lost") {
    Fixture f(true);
    base::UniqueFd client = f.hub->attach({.in = true});
    const int flags = ::fcntl(client.get(), F_GETFL);
    ::fcntl(client.get(), F_SETFL, flags | O_NONBLOCK);
    const std::string chunk(10'000, 'i');
    size_t given = 0;
    std::string got;
    const int in_fd = f.streams.payload[0].get();
    ::fcntl(in_fd, F_SETFL, O_NONBLOCK);
    for (int round = 0; round < 200; ++round) {
        if (given < 1'000'000) {
            const ssize_t count = ::send(client.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
            if (count > 0) given += static_cast<size_t>(count);
        }
        f.turn(0ms);
        if (round % 3 == 0) got += read_pipe(in_fd);
    }
    client.reset();
    for (int round = 0; got.size() < given && round < 2000; ++round) {
        f.turn(0ms);
        got += read_pipe(in_fd);
    }
    CHECK(given > 100'000);
    CHECK(got.size() == given);
}

TEST_CASE("a client that does not read stops the payload, and neither loses anything") {
    Fixture f;
    const base::UniqueFd client = f.hub->attach({});
    const int out_fd = f.streams.payload[1].get();
    ::fcntl(out_fd, F_SETFL, O_NONBLOCK);
    const std::string line = std::string(99, 'l') + "\n";
    size_t written = 0;
    for (int round = 0; round < 3000; ++round) {
        for (int i = 0; i < 40; ++i) {
            const ssize_t count = ::write(out_fd, line.data(), line.size());
            if (count > 0) written += static_cast<size_t>(count);
        }
        (void)f.loop.run_once(0ms);
    }
    CHECK(written > 200'000);
    CHECK(written < 3'000'000);  // it was stopped
    std::string got;
    bool all_logged = false;
    bool drained = false;
    f.hub->finish([&] { all_logged = true; }, [&] { drained = true; });
    CHECK(all_logged);
    CHECK(f.logged().size() == written);
    CHECK_FALSE(drained);
    while (!drained) {
        got += take(client.get());
        (void)f.loop.run_once(10ms);
    }
    for (std::string more = take(client.get()); !more.empty(); more = take(client.get())) {
        got += more;
    }
    CHECK(unframe(got).size() == written);
    CHECK(is_at_end(client.get()));
}

TEST_CASE("a client that goes lets the payload go on") {
    Fixture f;
    base::UniqueFd client = f.hub->attach({});
    const int out_fd = f.streams.payload[1].get();
    ::fcntl(out_fd, F_SETFL, O_NONBLOCK);
    const std::string line = std::string(999, 'l') + "\n";
    size_t written = 0;
    const auto flood = [&](int rounds) {
        for (int round = 0; round < rounds; ++round) {
            const ssize_t count = ::write(out_fd, line.data(), line.size());
            if (count > 0) written += static_cast<size_t>(count);
            (void)f.loop.run_once(0ms);
        }
    };
    flood(2000);
    const size_t before = written;
    CHECK(before < 2'000'000);
    client.reset();
    flood(2000);
    CHECK(written - before > 1'000'000);
    f.hub->finish([] {});
    CHECK(f.logged().size() == written);
}

TEST_CASE("the caller of a foreground run gets the bytes as they are, without being waited for") {
    Fixture f;
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    REQUIRE(::pipe2(err.data(), O_CLOEXEC) == 0);
    bool lost = false;
    f.hub->tee(out[1], err[1], [&] { lost = true; });
    ::close(out[1]);
    ::close(err[1]);
    f.write_out("one\n");
    f.write_err("two\n");
    f.turn();
    CHECK(read_pipe(out[0]) == "one\n");
    CHECK(read_pipe(err[0]) == "two\n");
    const std::string much(60'000, 'm');
    for (int i = 0; i < 2; ++i) {
        f.write_out(much);
        f.turn();
    }
    f.write_out("last\n");
    f.turn();
    bool drained = false;
    f.hub->finish({}, [&] { drained = true; });
    CHECK(f.logged().size() == 8 + 2 * much.size() + 5);
    CHECK_FALSE(drained);
    std::string got;
    while (!drained) {
        got += read_pipe(out[0]);
        f.turn(0ms);
    }
    ::fcntl(out[0], F_SETFL, O_NONBLOCK);
    for (std::string more = read_pipe(out[0]); !more.empty(); more = read_pipe(out[0])) got += more;
    CHECK(got.size() == 2 * much.size() + 5);
    CHECK_FALSE(lost);
    ::close(out[0]);
    ::close(err[0]);
}

TEST_CASE("a caller that nobody reads is told once, and the log goes on") {
    Fixture f;
    std::array<int, 2> out{};
    REQUIRE(::pipe2(out.data(), O_CLOEXEC) == 0);
    int lost = 0;
    f.hub->tee(out[1], -1, [&] { ++lost; });
    ::close(out[0]);
    ::close(out[1]);
    const auto former = ::signal(SIGPIPE, SIG_IGN);
    f.write_out("x\n");
    f.turn();
    f.write_out("y\n");
    f.turn();
    ::signal(SIGPIPE, former);
    CHECK(lost == 1);
    CHECK(f.logged() == "x\ny\n");
}

TEST_CASE("a terminal is logged and passed on raw, with its size") {
    Fixture f;
    OutputEnds ends;
    ends.pty_master.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(ends.pty_master);
    REQUIRE(::unlockpt(ends.pty_master.get()) == 0);
    const std::string name = ::ptsname(ends.pty_master.get());
    ends.interactive = true;
    base::UniqueFd slave(::open(name.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(slave);
    OutputHub hub(f.loop, &f.log, std::move(ends));
    CHECK(hub.tty());
    base::UniqueFd client = hub.attach({.in = true});
    base::write_all(slave.get(), "hi\n");
    f.turn();
    CHECK(take(client.get()) == "hi\r\n");
    hub.resize({40, 100, 0, 0});
    winsize size{};
    REQUIRE(::ioctl(slave.get(), TIOCGWINSZ, &size) == 0);
    CHECK(size.ws_row == 40);
    CHECK(size.ws_col == 100);
    base::write_all(client.get(), "typed\n");
    f.turn();
    CHECK(read_pipe(slave.get()) == "typed\n");
    CHECK(take(client.get()) == "typed\r\n");  // the echo
    slave.reset();
    f.turn(5ms);
    bool drained = false;
    hub.finish({}, [&] { drained = true; });
    CHECK(drained);
    CHECK(f.logged() == "hi\r\ntyped\r\n");
    CHECK(is_at_end(client.get()));
}

TEST_CASE("attaching to what has ended gives the end of file") {
    Fixture f;
    f.hub->finish({});
    const base::UniqueFd client = f.hub->attach({});
    CHECK(is_at_end(client.get()));
}
