#include "engine/user_lookup.hpp"

#include <catch2/catch.hpp>

#include "sandbox/base/error.hpp"

using namespace sandbox::engine;
using sandbox::base::UsageError;
using sandbox::kernel::ContainerId;

namespace {

const AccountFiles kFiles{
    "root:x:0:0:root:/root:/bin/sh\n"
    "daemon:x:1:1::/usr/sbin:/usr/sbin/nologin\n"
    "app:x:1000:1001::/home/app:/bin/sh\n"
    "nohome:x:1002:1002:::/bin/sh\n"
    "short:x:7:8\n",
    "root:x:0:root\nbin:x:1:root,daemon\nwheel:x:10:root,app\napp:x:1001:\ntape:x:26:nobody\n"};

std::vector<std::uint32_t> groups_of(const IdentitySpec& identity) {
    std::vector<std::uint32_t> ids;
    for (const ContainerId id : identity.groups) ids.push_back(id.value);
    return ids;
}
using Ids = std::vector<std::uint32_t>;

}  // namespace

TEST_CASE("no user means root with root's home and groups") {
    const IdentitySpec identity = look_up_user("", kFiles, {});
    CHECK(identity.uid.value == 0);
    CHECK(identity.gid.value == 0);
    CHECK(identity.home == "/root");
    CHECK(groups_of(identity) == Ids{0, 1, 10});
}

TEST_CASE("a name brings its primary group first, then the groups that list it") {
    const IdentitySpec identity = look_up_user("app", kFiles, {});
    CHECK(identity.uid.value == 1000);
    CHECK(identity.gid.value == 1001);
    CHECK(identity.home == "/home/app");
    CHECK(groups_of(identity) == Ids{1001, 10});
}

TEST_CASE("a number finds its passwd line; without one its group is 0 and its home /") {
    CHECK(groups_of(look_up_user("1000", kFiles, {})) == Ids{1001, 10});
    const IdentitySpec unknown = look_up_user("4242", kFiles, {});
    CHECK(unknown.uid.value == 4242);
    CHECK(unknown.gid.value == 0);
    CHECK(unknown.home == "/");
    CHECK(groups_of(unknown) == Ids{0});
}

TEST_CASE("an explicit group is the only one") {
    const IdentitySpec by_name = look_up_user("app:wheel", kFiles, {});
    CHECK(by_name.gid.value == 10);
    CHECK(groups_of(by_name) == Ids{10});
    CHECK(look_up_user("1000:77", kFiles, {}).gid.value == 77);
    CHECK(look_up_user(":26", kFiles, {}).gid.value == 26);
    CHECK(look_up_user("app:", kFiles, {}).gid.value == 1001);
}

TEST_CASE("added groups come last, each once") {
    CHECK(groups_of(look_up_user("app", kFiles, {"tape", "10", "99"})) == Ids{1001, 10, 26, 99});
    CHECK(groups_of(look_up_user("app", kFiles, {"keep-groups"})) == Ids{1001, 10});
    CHECK_THROWS_AS(look_up_user("app", kFiles, {"nosuch"}), UsageError);
}

TEST_CASE("lines without a home or with four fields still name their user") {
    CHECK(look_up_user("nohome", kFiles, {}).home == "/");
    CHECK(look_up_user("short", kFiles, {}).gid.value == 8);
}

TEST_CASE("a user that only looks like a number is refused, whatever passwd says") {
    // Each of them stands in passwd, with uid 0.
    for (const std::string user : {"4294967296", "-1", "2147483648", "0x0", "00", "root\n", " 0",
                                   "+0", "1e3", "0 ", "٠", "18446744073709551616", "root ", "-0"}) {
        CAPTURE(user);
        const AccountFiles hostile{user + ":x:0:0::/:/bin/sh\nroot:x:0:0::/root:\n",
                                   user + ":x:0:\n"};
        CHECK_THROWS_AS(look_up_user(user, hostile, {}), UsageError);
        CHECK_THROWS_AS(look_up_user("root:" + user, hostile, {}), UsageError);
        CHECK_THROWS_AS(look_up_user("root", hostile, {user}), UsageError);
    }
}

TEST_CASE("a passwd line whose ids do not fit is not there") {
    const AccountFiles hostile{
        "a:x:4294967296:0::/:\nb:x:-1:0::/:\nc:x:00:0::/:\nd:x:1:99999999999::/:\n", ""};
    for (const char* user : {"a", "b", "c", "d"}) {
        CAPTURE(user);
        CHECK_THROWS_AS(look_up_user(user, hostile, {}), UsageError);
    }
}

TEST_CASE("numeric names in passwd never stand for another id") {
    const AccountFiles hostile{"1000:x:0:0::/root:/bin/sh\n", ""};
    const IdentitySpec identity = look_up_user("1000", hostile, {});
    CHECK(identity.uid.value == 1000);
    CHECK(identity.home == "/");
}

TEST_CASE("garbage in passwd is skipped: binary, endless lines, comments") {
    AccountFiles files;
    files.passwd = std::string(900'000, 'x') + "\n# root:x:5:5::/:\n:::\n" +
                   std::string("\0\0\n", 3) + "+::::::\nok:x:3:4::/h:\n";
    CHECK(look_up_user("ok", files, {}).uid.value == 3);
    CHECK(look_up_user("", files, {}).uid.value == 0);
}

TEST_CASE("an unknown name says where it was looked for") {
    try {
        (void)look_up_user("nginx", kFiles, {});
        FAIL("no error");
    } catch (const UsageError& error) {
        CHECK(error.code() == 125);
        CHECK_THAT(error.message(), Catch::Contains("unable to find user \"nginx\""));
        CHECK_THAT(error.hint(), Catch::Contains("number"));
    }
}
