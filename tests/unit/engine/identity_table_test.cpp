#include "engine/identity/identity_table.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "sandbox/base/fs.hpp"

using namespace sandbox::engine;

namespace {

Identity somebody(std::uint32_t uid) {
    return {initial_credentials(uid, uid, {}, 0, false), {}, false};
}

// The limit of this very process is used, and given back.
struct OwnLimit {
    rlimit before{};
    OwnLimit() { REQUIRE(::getrlimit(RLIMIT_LOCKS, &before) == 0); }
    ~OwnLimit() { (void)::setrlimit(RLIMIT_LOCKS, &before); }
};

}  // namespace

TEST_CASE("a process has the identity it was given, and its children have it, too") {
    if (!IdentityTable::is_possible()) return;
    const OwnLimit limit;
    IdentityTable table(somebody(0));
    CHECK(table.of(::getpid()) == somebody(0));
    REQUIRE(table.assign(::getpid(), somebody(33)) == 0);
    CHECK(table.of(::getpid()) == somebody(33));
    CHECK(IdentityTable::try_user_of(::getpid()) == 33u);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(table.of(::getpid()) == somebody(33) ? 0 : 1);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
}

TEST_CASE("numbers that no process has are given to others") {
    if (!IdentityTable::is_possible()) return;
    const OwnLimit limit;
    IdentityTable table(somebody(0));
    const sandbox::base::UniqueFd proc = sandbox::base::open_dir("/proc");
    table.collect_with(proc.get());
    for (std::uint32_t uid = 1; uid <= 10'000; ++uid) {
        REQUIRE(table.assign(::getpid(), somebody(uid)) == 0);
        REQUIRE(table.of(::getpid()) == somebody(uid));
    }
    CHECK(table.size() < 3000);
    CHECK(table.of(1) == somebody(0));
}
