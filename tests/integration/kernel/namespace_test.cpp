#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "probe_try.hpp"
#include "sandbox/base/error.hpp"
#include "sandbox/base/fs.hpp"
#include "sandbox/base/raw.hpp"
#include "sandbox/kernel/probe.hpp"
#include "sandbox/kernel/user_namespace.hpp"
#include "support/skip.hpp"

using namespace sandbox;
using namespace sandbox::kernel;

namespace {
bool has_range() {
    return host_id_map().mode == IdMode::range;
}
std::string make_scratch() {
    const char* temp = std::getenv("TMPDIR");
    std::string pattern = std::string(temp != nullptr ? temp : "/tmp") + "/kernel-test.XXXXXX";
    return ::mkdtemp(pattern.data());
}
}  // namespace

TEST_CASE("a cloned process answers its exit code or its signal") {
    ChildProcess exits = ChildProcess::clone(0);
    if (exits.is_child()) base::raw::exit_group(42);
    CHECK(exits.pid() > 0);
    CHECK(exits.pid_fd() >= 0);
    CHECK(exits.wait().code == 42);
    ChildProcess waits = ChildProcess::clone(0);
    if (waits.is_child()) {
        for (;;) ::pause();
    }
    CHECK_FALSE(waits.try_wait().has_value());
    waits.signal(SIGKILL);
    CHECK(waits.wait().signal == SIGKILL);
}

TEST_CASE("a child process that nobody released dies with its object") {
    pid_t pid = 0;
    {
        ChildProcess child = ChildProcess::clone(0);
        if (child.is_child()) {
            for (;;) ::pause();
        }
        pid = child.pid();
    }
    CHECK(base::raw::kill(pid, 0) == -ESRCH);
}

TEST_CASE("raise() works in a cloned child: libc knows its own thread id") {
    ChildProcess child = ChildProcess::clone(0);
    if (child.is_child()) {
        ::signal(SIGUSR1, SIG_DFL);
        (void)::raise(SIGUSR1);
        base::raw::exit_group(1);
    }
    CHECK(child.wait().signal == SIGUSR1);
}

TEST_CASE("an action runs as root of a namespace, its code and its errors come back") {
    const IdMap map = host_id_map();
    CHECK(run_as_owner(map, [] { return ::getuid() == 0 && ::getgid() == 0 ? 17 : 1; }) == 17);
    try {
        (void)run_as_owner(map, []() -> int { throw base::Error("it rained", "umbrella", 9); });
        FAIL("no error");
    } catch (const base::Error& error) {
        CHECK(error.message() == "it rained");
        CHECK(error.hint() == "umbrella");
        CHECK(error.code() == 9);
    }
    CHECK_THROWS_AS(run_as_owner(map, [] { return base::raw::kill(::getpid(), SIGKILL); }),
                    base::Error);
}

TEST_CASE("with a range, files can belong to other ids and are removed again") {
    SANDBOX_SKIP_UNLESS(has_range(), "this user has no subordinate ids");
    const std::string scratch = make_scratch();
    const base::UniqueFd dir = base::open_dir(scratch);
    base::make_dir_at(dir.get(), "tree", 0700);
    if (::geteuid() == 0) {
        const IdMap map = host_id_map();
        REQUIRE(::chown((scratch + "/tree").c_str(), map.uids[0].outside.value,
                        map.gids[0].outside.value) == 0);
    }
    const base::UniqueFd tree = base::open_at(dir.get(), "tree", O_RDONLY | O_DIRECTORY);
    const int rc = run_as_owner(host_id_map(), [&] {
        base::make_dir_at(tree.get(), "private", 0700);
        return base::raw::fchownat(tree.get(), "private", 33, 33, 0) == 0 ? 0 : 1;
    });
    CHECK(rc == 0);
    struct stat seen {};
    REQUIRE(::stat((scratch + "/tree/private").c_str(), &seen) == 0);
    CHECK(seen.st_uid != ::getuid());
    remove_tree(dir.get(), "tree");
    CHECK_FALSE(base::exists_at(dir.get(), "tree"));
    std::filesystem::remove_all(scratch);
}

TEST_CASE("one id is enough for a namespace, and setgroups is denied in it") {
    const int rc =
        try_in_namespaces(CLONE_NEWUSER, single_id_map(ContainerId{70}, ContainerId{71}), [] {
            if (::getuid() != 70 || ::getgid() != 71) return ERANGE;
            return base::raw::setgroups(0, nullptr) == -EPERM ? 0 : EBADE;
        });
    CHECK(rc == 0);
}

TEST_CASE("doctor's probes find what this machine can do") {
    const std::string scratch = make_scratch();
    const std::vector<Ability> abilities = probe_host(scratch);
    CHECK(abilities.size() >= 10);
    for (const Ability& ability : abilities) {
        INFO(ability.name << ": " << ability.detail);
        CHECK_FALSE(ability.name.empty());
        CHECK_FALSE(ability.detail.empty());
        if (ability.needed) CHECK(ability.state != Ability::State::no);
        if (ability.state == Ability::State::yes) CHECK(ability.cure.empty());
        if (ability.name == "id range") {
            CHECK((ability.state == Ability::State::yes) == has_range());
        }
    }
    CHECK(std::filesystem::is_empty(scratch));
    std::filesystem::remove_all(scratch);
}
