// Programs that join a running container: they are as the container's own in all that limits them,
// and nothing of the host comes in with them.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "exec_fixture.hpp"
#include "sandbox/base/raw.hpp"

using namespace sandbox;
using test::ExecFixture;
using test::Result;
using namespace std::chrono_literals;

namespace {

constexpr const char* kLimits =
    "grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups|Uid|Gid)' /proc/self/status; "
    "for n in user mnt pid ipc uts net cgroup; do readlink /proc/self/ns/$n; done; "
    "ls /proc/self/fd | wc -l; pwd; hostname";

int code_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const base::Error& error) {
        return error.code();
    }
    return 0;
}

size_t count_fds() {
    const base::UniqueFd dir = base::open_dir("/proc/self/fd");
    return base::list_dir(dir.get()).size();
}

}  // namespace

TEST_CASE("a program that joins is limited as the container's own payload is") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    test::LaunchFixture alone;
    std::string own = alone.run(kLimits).out;
    ExecFixture fixture;
    fixture.start();
    std::string joined = fixture.run(kLimits).out;
    // Namespaces have other numbers in another container; all else is equal.
    const auto strip = [](std::string text) {
        std::string kept;
        for (const std::string& line : base::split(text, '\n')) {
            if (line.find(":[") == std::string::npos) kept += line + "\n";
        }
        return kept;
    };
    CHECK(strip(joined) == strip(own));
    CHECK(fixture.run("readlink /proc/1/ns/pid").status.code != 0);
    CHECK(fixture.run("echo $$").out != "1\n");
}

TEST_CASE("exit codes, signals and streams of a joined program come back") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    ExecFixture fixture;
    fixture.start();
    const Result result = fixture.run("echo out; echo err >&2; exit 7");
    CHECK(result.out == "out\n");
    CHECK(result.err == "err\n");
    CHECK(result.status.code == 7);
    CHECK(fixture.run("kill -9 $$").status.shell_code() == 137);
    CHECK(fixture.run(fixture.spec({"true"})).status.code == 0);
}

TEST_CASE("a joined program that cannot be executed is 127 or 126") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    ExecFixture fixture;
    fixture.start();
    CHECK(code_of([&] { (void)fixture.run(fixture.spec({"no-such-program"})); }) == 127);
    CHECK(code_of([&] { (void)fixture.run(fixture.spec({"/tmp"})); }) == 126);
    engine::ExecSpec lost = fixture.spec({"true"});
    lost.working_dir = "/no/such/directory";
    CHECK(code_of([&] { (void)fixture.run(lost); }) == 126);
    for (const char* magic : {"/proc/self/fd/3", "/proc/self/fd/7", "/proc/self/cwd/../../.."}) {
        engine::ExecSpec escape = fixture.spec({"pwd"});
        escape.working_dir = magic;
        INFO(magic);
        std::string out = "/\n";
        const int code = code_of([&] { out = fixture.run(escape).out; });
        CHECK((code == 0 || code == 126));
        CHECK(out == "/\n");
    }
}

TEST_CASE("descriptors and processes do not grow with joined programs") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    ExecFixture fixture;
    fixture.start();
    (void)fixture.run("true");
    const size_t before = count_fds();
    for (int i = 0; i < 20; ++i) (void)fixture.run("true");
    CHECK(count_fds() == before);
    CHECK(::waitpid(-1, nullptr, WNOHANG) == 0);  // the container, and nobody else
    // pid 1, sleep, sh, ps or ls: nothing stayed.
    CHECK(fixture.run("ls /proc | grep -c '^[0-9]'").out <= "5\n");
}

TEST_CASE("a terminal of a joined program is one of the container's own") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    ExecFixture fixture;
    fixture.start();
    engine::ExecSpec wish = fixture.shell("tty; stty size; test -t 0 && test -t 1 && test -t 2");
    wish.tty = true;
    engine::ExecContext context;
    context.window = winsize{12, 34, 0, 0};
    engine::RunningExec running = engine::start_exec(fixture.container->namespaces, wish, context);
    REQUIRE(running.pty_master.valid());
    std::string out;
    char buffer[256];
    long count = 0;
    while ((count = ::read(running.pty_master.get(), buffer, sizeof buffer)) > 0) {
        out.append(buffer, static_cast<size_t>(count));
    }
    CHECK(out == "/dev/pts/0\r\n12 34\r\n");
    CHECK(engine::finish_exec(running, wish).code == 0);
}

TEST_CASE(
    "the end of the container ends the joined programs, and a stopped caller is no hindrance") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    ExecFixture fixture;
    fixture.start();
    const engine::ExecSpec wish = fixture.spec({"sleep", "1000"});
    const pid_t caller = ::fork();
    if (caller == 0) {
        engine::RunningExec running = engine::start_exec(fixture.container->namespaces, wish, {});
        ::raise(SIGSTOP);
        base::raw::exit_group(engine::finish_exec(running, wish).shell_code());
    }
    int status = 0;
    REQUIRE(::waitpid(caller, &status, WUNTRACED) == caller);
    REQUIRE(WIFSTOPPED(status));
    fixture.container->init.signal(SIGKILL);
    pollfd end{fixture.container->init.pid_fd(), POLLIN, 0};
    CHECK(::poll(&end, 1, 10'000) == 1);
    (void)::kill(caller, SIGCONT);
    REQUIRE(::waitpid(caller, &status, 0) == caller);
    CHECK(WEXITSTATUS(status) == 137);
    CHECK(code_of([&] { (void)fixture.run("true"); }) == 125);
}

TEST_CASE("signals reach the joined program, and it does not outlive its caller") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    ExecFixture fixture;
    fixture.start();
    const engine::ExecSpec wish =
        fixture.shell("trap 'exit 9' TERM; touch /tmp/there; while :; do sleep 0.05; done");
    {
        engine::RunningExec running = engine::start_exec(fixture.container->namespaces, wish, {});
        while (fixture.run("test -e /tmp/there").status.code != 0) std::this_thread::sleep_for(5ms);
        running.process.signal(SIGTERM);
        CHECK(engine::finish_exec(running, wish).code == 9);
    }
    {
        const engine::ExecSpec sleeper = fixture.spec({"sleep", "4711"});
        const engine::RunningExec running =
            engine::start_exec(fixture.container->namespaces, sleeper, {});
        CHECK(running.process.pid() > 0);
    }
    std::this_thread::sleep_for(100ms);
    CHECK(fixture.run("ps | grep -c '[s]leep 4711'").out == "0\n");
}

TEST_CASE("a user is looked up in what the container's files say now") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    ExecFixture fixture;
    fixture.start();
    (void)fixture.run(
        "mkdir -p /etc; echo 'me:x:0:0::/home/me:/bin/sh' >/etc/passwd; echo 'g:x:7:me' "
        ">/etc/group");
    engine::ExecSpec wish = fixture.shell("id -u; echo $HOME");
    wish.user.reset();
    wish.user_text = "me";
    CHECK(fixture.run(wish).out == "0\n/home/me\n");
    wish.user_text = "nobody-knows";
    CHECK(code_of([&] { (void)fixture.run(wish); }) == 125);
    if (fixture.launch.spec.ids.mode == kernel::IdMode::range) {
        wish.user_text = "33:44";
        CHECK(fixture.run(wish).out == "33\n/\n");
    } else {
        wish.user_text = "33:44";
        CHECK(code_of([&] { (void)fixture.run(wish); }) == 126);
    }
}

TEST_CASE("account files that are no files cost neither time nor memory") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    ExecFixture fixture;
    fixture.start();
    const std::string before = "rm -rf /etc/passwd /etc/group; mkdir -p /etc; ";
    for (const char* trick :
         {"mknod /etc/passwd p", "mkdir /etc/passwd", "ln -s /dev/zero /etc/passwd",
          "ln -s /proc/self/fd/1 /etc/passwd", "ln -s passwd /etc/passwd",
          "dd if=/dev/zero of=/etc/passwd bs=1 count=0 seek=2147483648 2>/dev/null",
          "ln -s /dev/tty /etc/passwd", "ln -s /proc/kmsg /etc/passwd"}) {
        INFO(trick);
        (void)fixture.run(before + trick);
        // Not id(1), which would wait for the fifo's writer.
        engine::ExecSpec wish = fixture.shell("stat -L -c %u /proc/self; echo $HOME");
        wish.user.reset();
        wish.user_text = "0";
        const auto start = std::chrono::steady_clock::now();
        CHECK(fixture.run(wish).out == "0\n/\n");
        CHECK(std::chrono::steady_clock::now() - start < 5s);
        wish.user_text = "root";
        CHECK(code_of([&] { (void)fixture.run(wish); }) == 125);
    }
}

TEST_CASE("a terminal is refused when the container has put something else in its place") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    ExecFixture fixture;
    fixture.start();
    // The mount point itself cannot be moved; a link in /dev is not followed.
    (void)fixture.run("rm -f /dev/ptmx; ln -s /dev/null /dev/ptmx");
    engine::ExecSpec wish = fixture.shell("tty");
    wish.tty = true;
    engine::RunningExec running = engine::start_exec(fixture.container->namespaces, wish, {});
    CHECK(running.pty_master.valid());
    CHECK(engine::finish_exec(running, wish).code == 0);
}

TEST_CASE("a process limit that is used up is told by its name") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    ExecFixture fixture;
    fixture.launch.spec.pids_limit = 0;
    fixture.start();
    engine::ExecSpec wish = fixture.shell("true & true & wait; echo done");
    wish.rlimits = {{RLIMIT_NPROC, {1, 1}}};
    const Result result = fixture.run(wish);
    // Root of the host's own user namespace is not counted: then nothing is refused.
    CHECK((result.status.code != 0 || result.out == "done\n"));
}

TEST_CASE("nothing inside can look at the process that joins") {
    SANDBOX_SKIP_UNLESS(test::has_busybox(), "no static busybox");
    // Whatever appears in /proc is read at once: its memory map, its program, its words.
    ExecFixture fixture({"sh", "-c",
                         "cd /proc; while :; do for p in [0-9]*; do "
                         "[ $p = 1 ] || [ $p = $$ ] && continue; "
                         "readlink $p/exe >>/tmp/exe 2>/dev/null; "
                         "cat $p/cmdline >>/tmp/words 2>/dev/null; echo >>/tmp/words; done; done"});
    fixture.start();
    for (int i = 0; i < 300; ++i) (void)fixture.run(fixture.spec({"true", "a-word-of-its-own"}));
    const std::string exe = fixture.run("sort -u /tmp/exe | grep -v -e busybox -e memfd").out;
    CHECK(exe.empty());
    CHECK(fixture.run("grep -c [i]ntegration_engine /tmp/words").out == "0\n");
    CHECK(fixture.run("grep -c [t]est_binary /tmp/words").out == "0\n");
}
