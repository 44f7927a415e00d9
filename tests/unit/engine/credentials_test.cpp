#include "engine/identity/credentials.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cerrno>

using namespace sandbox::engine;

namespace {

constexpr CapabilitySet bit(int capability) {
    return CapabilitySet{1} << capability;
}
constexpr CapabilitySet kAll = bit(CAP_CHOWN) | bit(CAP_SETUID) | bit(CAP_SETGID) |
                               bit(CAP_SETPCAP) | bit(CAP_DAC_OVERRIDE) | bit(CAP_KILL);

Credentials root() {
    return initial_credentials(0, 0, {0}, kAll, false);
}
Credentials dropped(std::uint32_t uid) {
    Credentials who = root();
    REQUIRE(set_uid(who, uid) == 0);
    return who;
}
IdSet ids(std::uint32_t real, std::uint32_t effective, std::uint32_t saved) {
    return {real, effective, saved, effective};
}

}  // namespace

TEST_CASE("root becomes somebody else for good, and his capabilities go") {
    Credentials who = dropped(33);
    CHECK(who.user == IdSet::all(33));
    CHECK(who.permitted == 0);
    CHECK(who.effective == 0);
    CHECK(set_uid(who, 0) == -EPERM);
    CHECK(set_resuid(who, 0, 0, 0) == -EPERM);
    CHECK(set_reuid(who, kKeepId, 0) == -EPERM);
    CHECK(set_groups(who, {}) == -EPERM);
    CHECK(set_gid(who, 33) == -EPERM);
    CHECK(who.user == IdSet::all(33));
    // What he is he may set again: each thread of a program does.
    CHECK(set_uid(who, 33) == 0);
    CHECK(set_resuid(who, 33, 33, 33) == 0);
}

TEST_CASE("who lowers only his effective id can come back") {
    Credentials who = root();
    CHECK(set_resuid(who, kKeepId, 33, kKeepId) == 0);
    CHECK(who.user == ids(0, 33, 0));
    CHECK(who.effective == 0);
    CHECK(who.permitted == kAll);
    CHECK(set_uid(who, 0) == 0);
    CHECK(who.user == ids(0, 0, 0));
    CHECK(who.effective == kAll);
}

TEST_CASE("setreuid keeps the saved id as Linux does") {
    Credentials who = root();
    CHECK(set_reuid(who, 5, 6) == 0);
    CHECK(who.user == ids(5, 6, 6));
    CHECK(set_reuid(who, 6, 5) == 0);  // both are his own
    CHECK(who.user == ids(6, 5, 5));
    CHECK(set_reuid(who, 0, kKeepId) == -EPERM);
    Credentials other = root();
    CHECK(set_reuid(other, kKeepId, 7) == 0);
    CHECK(other.user == ids(0, 7, 7));
    CHECK(set_reuid(other, kKeepId, 0) == 0);
    CHECK(other.user == ids(0, 0, 7));
}

TEST_CASE("an id that is no id is refused") {
    Credentials who = root();
    CHECK(set_uid(who, 0xffffffff) == -EINVAL);
    CHECK(set_gid(who, 0xffffffff) == -EINVAL);
    const std::uint32_t none = 0xffffffff;
    CHECK(set_groups(who, {&none, 1}) == -EINVAL);
    CHECK(who == root());
}

TEST_CASE("groups are kept in order, and count with the group of files") {
    Credentials who = root();
    const std::uint32_t groups[] = {44, 4, 33};
    CHECK(set_groups(who, groups) == 0);
    CHECK(who.groups == std::vector<std::uint32_t>{4, 33, 44});
    CHECK(set_gid(who, 5) == 0);
    CHECK(who.in_group(44));
    CHECK(who.in_group(5));
    CHECK_FALSE(who.in_group(0));
}

TEST_CASE("setfsuid answers what was there, changed or not") {
    Credentials who = root();
    CHECK(set_fsuid(who, 33) == 0);
    CHECK(who.user.file_system == 33);
    CHECK_FALSE(who.has(CAP_CHOWN));
    CHECK(who.has(CAP_SETUID));
    CHECK(set_fsuid(who, 0xffffffff) == 33);
    CHECK(set_fsuid(who, 0) == 33);
    CHECK(who.has(CAP_CHOWN));
    Credentials other = dropped(33);
    CHECK(set_fsuid(other, 0) == 33);
    CHECK(other.user.file_system == 33);
}

TEST_CASE("capabilities can be kept over a change of ids, but not over an exec") {
    Credentials who = root();
    CHECK(set_keep_capabilities(who, 2) == -EINVAL);
    CHECK(set_keep_capabilities(who, 1) == 0);
    CHECK(set_uid(who, 33) == 0);
    CHECK(who.permitted == kAll);
    CHECK(who.effective == 0);
    CHECK(set_capabilities(who, 0, bit(CAP_KILL), bit(CAP_KILL)) == 0);
    CHECK(set_capabilities(who, 0, kAll, 0) == -EPERM);
    CHECK(who.has(CAP_KILL));
    execute(who, {0, 0, 0755});
    CHECK(who.permitted == 0);
    CHECK(who.securebits == 0);
}

TEST_CASE("ambient capabilities stay over an exec") {
    Credentials who = root();
    CHECK(change_ambient(who, PR_CAP_AMBIENT_RAISE, CAP_KILL) == -EPERM);
    CHECK(set_capabilities(who, bit(CAP_KILL), kAll, kAll) == 0);
    CHECK(change_ambient(who, PR_CAP_AMBIENT_RAISE, CAP_KILL) == 0);
    CHECK(change_ambient(who, PR_CAP_AMBIENT_IS_SET, CAP_KILL) == 1);
    CHECK(set_keep_capabilities(who, 1) == 0);
    CHECK(set_uid(who, 33) == 0);
    CHECK(who.ambient == 0);  // capabilities(7): leaving root clears them
    CHECK(change_ambient(who, PR_CAP_AMBIENT_RAISE, CAP_KILL) == 0);
    execute(who, {0, 0, 0755});
    CHECK(who.effective == bit(CAP_KILL));
    CHECK(change_ambient(who, PR_CAP_AMBIENT_CLEAR_ALL, 0) == 0);
    CHECK(who.ambient == 0);
}

TEST_CASE("a setuid program is its owner's, a setgid one its group's") {
    Credentials who = dropped(33);
    execute(who, {0, 0, S_ISUID | 0755});
    CHECK(who.user == ids(33, 0, 0));
    CHECK(who.effective == kAll);
    CHECK(set_uid(who, 0) == 0);
    CHECK(who.user == IdSet::all(0));
    Credentials other = dropped(33);
    execute(other, {0, 42, S_ISGID | 0755});
    CHECK(other.group == ids(0, 42, 42));
    CHECK(other.user == IdSet::all(33));
    execute(other, {0, 7, S_ISGID | 0644});  // without execution by the group it is a mark
    CHECK(other.group.effective == 42);
}

TEST_CASE("a program with capabilities gives those that are in the bounding set") {
    ProgramFile file{0, 0, 0755};
    file.has_capabilities = true;
    file.permitted = bit(CAP_CHOWN) | bit(CAP_KILL);
    Credentials who = dropped(33);
    who.bounding &= ~bit(CAP_CHOWN);
    execute(who, file);
    CHECK(who.permitted == bit(CAP_KILL));
    CHECK(who.effective == 0);
    file.raises = true;
    execute(who, file);
    CHECK(who.effective == bit(CAP_KILL));
    execute(who, {0, 0, 0755});
    CHECK(who.permitted == 0);
    Credentials privileged = root();
    execute(privileged, file);
    CHECK(privileged.permitted == kAll);
    Credentials bound = initial_credentials(33, 33, {}, kAll, true);
    execute(bound, file);
    CHECK(bound.permitted == 0);
}

TEST_CASE("with no_new_privs a setuid program changes nothing") {
    Credentials who = initial_credentials(33, 33, {}, kAll, true);
    execute(who, {0, 0, S_ISUID | S_ISGID | 0755});
    CHECK(who.user == IdSet::all(33));
    CHECK(who.effective == 0);
}

TEST_CASE("an exec by root keeps the bounding set, and makes the saved id the effective one") {
    Credentials who = root();
    who.bounding &= ~bit(CAP_CHOWN);
    CHECK(set_resuid(who, kKeepId, 33, kKeepId) == 0);
    execute(who, {0, 0, 0755});
    CHECK(who.user == ids(0, 33, 33));
    CHECK(who.permitted == who.bounding);
    CHECK(who.effective == 0);
    Credentials plain = root();
    execute(plain, {0, 0, 0755});
    CHECK(plain == root());
}
