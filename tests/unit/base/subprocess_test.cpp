#include "sandbox/base/subprocess.hpp"

#include <catch2/catch.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "sandbox/base/error.hpp"
#include "sandbox/base/unique_fd.hpp"

using namespace sandbox::base;
using namespace std::chrono_literals;

TEST_CASE("a program gets its input and its output comes back") {
    SubprocessOptions options;
    options.input = "hello";
    const auto result = run_subprocess({"sh", "-c", "cat; echo oops >&2; exit 3"}, options);
    CHECK(result.exit_code == 3);
    CHECK(result.out == "hello");
    CHECK(result.err == "oops\n");
}

TEST_CASE("megabytes go both ways without a deadlock and the output is cut at 1 MiB") {
    SubprocessOptions options;
    options.input = std::string(5u << 20, 'x');
    const auto result = run_subprocess({"cat"}, options);
    CHECK(result.exit_code == 0);
    CHECK(result.out.size() == 1u << 20);
}

TEST_CASE("a program that does not read its input is no error") {
    SubprocessOptions options;
    options.input = std::string(1u << 20, 'x');
    CHECK(run_subprocess({"true"}, options).exit_code == 0);
}

TEST_CASE("a program that is not found is ENOENT, its own failure is an exit code") {
    try {
        run_subprocess({"no-such-program-here"});
        FAIL("found");
    } catch (const SysError& error) {
        CHECK(error.errnum() == ENOENT);
        CHECK(error.message() == "run \"no-such-program-here\": no such file or directory");
    }
    CHECK_THROWS_AS(run_subprocess({"/no/such/program"}), SysError);
    CHECK_THROWS_AS(run_subprocess({}), Error);
    CHECK(run_subprocess({"false"}).exit_code == 1);
    CHECK(run_subprocess({"sh", "-c", "kill -TERM $$"}).exit_code == 128 + SIGTERM);
}

TEST_CASE("a program that takes too long is killed and reaped") {
    SubprocessOptions options;
    options.timeout = 100ms;
    CHECK_THROWS_WITH(run_subprocess({"sleep", "60"}, options),
                      Catch::Contains("did not end within 100 ms"));
}

TEST_CASE("a descendant that keeps the pipes open is not waited for") {
    const auto started = std::chrono::steady_clock::now();
    CHECK(run_subprocess({"sh", "-c", "echo out; sleep 5 & exit 0"}).out == "out\n");
    CHECK(std::chrono::steady_clock::now() - started < 4s);
}

TEST_CASE("the environment is inherited or exactly as given") {
    ::setenv("SANDBOX_TEST_VARIABLE", "inherited", 1);
    const std::vector<std::string> argv{"/bin/sh", "-c", "echo $SANDBOX_TEST_VARIABLE"};
    CHECK(run_subprocess(argv).out == "inherited\n");
    SubprocessOptions options;
    options.env = std::vector<std::string>{"SANDBOX_TEST_VARIABLE=given"};
    CHECK(run_subprocess(argv, options).out == "given\n");
    options.env = std::vector<std::string>{};
    CHECK(run_subprocess(argv, options).out == "\n");
}

TEST_CASE("signals that we block or ignore are as usual in the program") {
    sigset_t blocked;
    sigset_t former;
    ::sigfillset(&blocked);
    ::sigprocmask(SIG_BLOCK, &blocked, &former);
    const auto old_handler = ::signal(SIGPIPE, SIG_IGN);
    const auto result = run_subprocess({"grep", "-E", "^Sig(Blk|Ign):", "/proc/self/status"});
    ::signal(SIGPIPE, old_handler);
    ::sigprocmask(SIG_SETMASK, &former, nullptr);
    // Signals 32 and 33 are the C library's own, out of reach of signal(2).
    CHECK_THAT(result.out, Catch::Matches("SigBlk:\t0{16}\nSigIgn:\t0{7}[01][08]0{7}\n"));
}

TEST_CASE("no descriptor of ours is open in the program") {
    const UniqueFd leaked(::dup2(STDERR_FILENO, 9));  // not closed on exec
    const auto result = run_subprocess({"sh", "-c", "test -e /proc/$$/fd/9 || echo closed"});
    CHECK(result.out == "closed\n");
}

TEST_CASE("programs are searched on absolute PATH entries and in the sbin directories") {
    const std::string former = std::getenv("PATH");
    ::setenv("PATH", "relative::/nowhere:/usr/bin:/bin", 1);
    const auto env = try_find_program("env");
    REQUIRE(env);
    CHECK(env->front() == '/');
    CHECK_FALSE(try_find_program("no-such-program-here"));
    CHECK_FALSE(try_find_program("../bin/env"));
    CHECK_FALSE(try_find_program(""));
    ::setenv("PATH", former.c_str(), 1);
}
