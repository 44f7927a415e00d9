#include <catch2/catch.hpp>

#include "launch_fixture.hpp"

using namespace sandbox;
using test::LaunchFixture;
using test::Result;

TEST_CASE("a payload runs, its output and exit code come back") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    const Result result = fixture.run("echo hello; exit 7");
    CHECK(result.out == "hello\n");
    CHECK(result.err.empty());
    CHECK(result.status.code == 7);
    CHECK(result.status.signal == 0);
}

TEST_CASE("a payload that is killed by a signal is told from one that exits") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    const Result result = fixture.run("kill -9 $$");
    CHECK(result.status.signal == 9);
    CHECK(result.status.shell_code() == 137);
}

TEST_CASE("without our init the payload is pid 1") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    fixture.spec.init = false;
    const Result result = fixture.run("echo $$; exit 3");
    CHECK(result.out == "1\n");
    CHECK(result.status.code == 3);
}

TEST_CASE("a program that does not exist is 127, a directory is 126") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    fixture.spec.argv = {"no-such-program"};
    try {
        (void)fixture.run_argv();
        FAIL("launched");
    } catch (const base::Error& error) {
        CHECK(error.code() == 127);
        CHECK(error.message() == "exec \"no-such-program\": no such file or directory");
    }
    LaunchFixture other;
    other.spec.argv = {"/bin"};
    try {
        (void)other.run_argv();
        FAIL("launched");
    } catch (const base::Error& error) {
        CHECK(error.code() == 126);
        CHECK(error.message() == "exec \"/bin\": permission denied");
    }
}

TEST_CASE("the container's names, files and mounts are its own") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    LaunchFixture fixture;
    const Result result = fixture.run(
        "hostname; cat /etc/hostname; cat /etc/hosts; stat -c %a /dev /tmp; ls /dev; id -u");
    CHECK(result.out ==
          "inside\ninside\n127.0.0.1\tlocalhost\n755\n1777\n"
          "core\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\n"
          "urandom\nzero\n0\n");
    CHECK(result.err.empty());
}
