#include "engine/identity/compat_calls.hpp"

#include <linux/audit.h>
#include <sys/syscall.h>

#include <catch2/catch.hpp>
#include <cstring>

using namespace sandbox::engine;

#if defined(__x86_64__)
namespace {

sandbox::kernel::TrappedCall call_of(int number, std::uint64_t first = 0, std::uint64_t second = 0,
                                     std::uint64_t third = 0) {
    sandbox::kernel::TrappedCall call;
    call.number = number;
    call.arch = AUDIT_ARCH_I386;
    call.args = {first, second, third};
    return call;
}

}  // namespace

TEST_CASE("a call of a 32-bit program is the native one that means the same") {
    const auto set = to_native(call_of(213, 70000));  // setuid32
    REQUIRE(set);
    CHECK(set->call.number == SYS_setuid);
    CHECK(set->call.args[0] == 70000);
    CHECK_FALSE(set->narrow);
    CHECK_FALSE(set->call.is_native());
    for (const auto& [number, native] :
         {std::pair(5, SYS_open), std::pair(300, SYS_newfstatat), std::pair(383, SYS_statx)}) {
        const auto found = to_native(call_of(number));
        REQUIRE(found);
        CHECK(found->call.number == native);
    }
    CHECK_FALSE(to_native(call_of(4)));  // write
    CHECK_FALSE(to_native(call_of(500)));
}

TEST_CASE("ids of 16 bits become those of 32, and back") {
    const auto chown = to_native(call_of(182, 0xdeadbeef, 0xffff, 0x10021));
    REQUIRE(chown);
    CHECK(chown->narrow);
    CHECK(chown->call.args[0] == 0xdeadbeef);  // a path
    CHECK(chown->call.args[1] == 0xffffffff);  // no change
    CHECK(chown->call.args[2] == 0x21);
    CHECK(to_narrow(TrapReply::result(33)).value == 33);
    CHECK(to_narrow(TrapReply::result(70000)).value == 65534);
    CHECK(to_narrow(TrapReply::result(-1)).value == -1);
    CHECK(to_narrow(TrapReply::kernel()).go_on);
}

TEST_CASE("a file looks as i386 has it") {
    struct stat info {};
    info.st_mode = S_IFREG | 0644;
    info.st_uid = 33;
    info.st_gid = 44;
    info.st_size = 5;
    info.st_ino = 7;
    const auto bytes = to_compat_stat(info);
    const auto word = [&](size_t at) {
        std::uint32_t value = 0;
        std::memcpy(&value, bytes.data() + at, sizeof value);
        return value;
    };
    CHECK(word(16) == info.st_mode);
    CHECK(word(24) == 33);
    CHECK(word(28) == 44);
    CHECK(word(44) == 5);
    CHECK(word(88) == 7);
}
#endif
