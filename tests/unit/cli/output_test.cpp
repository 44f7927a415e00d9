#include "cli/output.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>

#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"

namespace sandbox::cli {
namespace {

struct Terminal {
    base::UniqueFd master, slave;
    Terminal() : master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        REQUIRE(master.valid());
        REQUIRE(::grantpt(master.get()) == 0);
        REQUIRE(::unlockpt(master.get()) == 0);
        slave.reset(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
        REQUIRE(slave.valid());
    }
    std::string read_all() const {
        std::string text(4096, '\0');
        const ssize_t n = ::read(master.get(), text.data(), text.size());
        text.resize(n > 0 ? static_cast<size_t>(n) : 0);
        return text;
    }
};

TEST_CASE("a full disk is an error of the output, not a success") {
    const base::UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    REQUIRE(full.valid());
    Output out(full.get());
    out.line("text");
    CHECK_THROWS_AS(out.flush(), base::SysError);
    out.flush();  // what could not be written is not tried again
}

TEST_CASE("a standard output that is open for reading only is an error") {
    const base::UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    Output out(null.get());
    out.line("text");
    CHECK_THROWS_AS(out.flush(), base::SysError);
}

TEST_CASE("a reader that has gone ends the output quietly") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const base::UniqueFd writer(ends[1]);
    ::close(ends[0]);
    const auto before = ::signal(SIGPIPE, SIG_IGN);
    Output out(writer.get());
    out.line("text");
    CHECK_THROWS_AS(out.flush(), ReaderGone);
    ::signal(SIGPIPE, before);
}

TEST_CASE("bytes go to a pipe as they are") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const base::UniqueFd reader(ends[0]);
    const base::UniqueFd writer(ends[1]);
    Output out(writer.get());
    out.line("a\x1b[31mb\tc");
    out.flush();
    char buffer[64];
    const ssize_t n = ::read(reader.get(), buffer, sizeof buffer);
    CHECK(std::string(buffer, static_cast<size_t>(n)) == "a\x1b[31mb\tc\n");
}

TEST_CASE("control bytes are shown escaped on a terminal, lines and columns stay") {
    const Terminal terminal;
    Output out(terminal.slave.get());
    out.line("a\x1b[31mb\rc\x9b\x07 d\te");
    const std::string seen = terminal.read_all();
    CHECK(seen.find('\x1b') == std::string::npos);
    CHECK(seen.find('\x07') == std::string::npos);
    CHECK(seen.find('\x9b') == std::string::npos);
    CHECK(seen.find("a\\x1b[31mb\\x0dc") == 0);
    CHECK(seen.find(" d") != std::string::npos);
}

}  // namespace
}  // namespace sandbox::cli
